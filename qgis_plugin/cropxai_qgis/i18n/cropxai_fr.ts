<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr" sourcelanguage="en">
 <context>
  <name>cropxai</name>
  <message>
   <source>Crop map</source>
   <translation>Carte des cultures</translation>
  </message>
  <message>
   <source>Maps</source>
   <translation>Cartes</translation>
  </message>
  <message>
   <source>Explained crop map from parcels and Sentinel-2</source>
   <translation>Carte des cultures expliquée, à partir de parcelles et de Sentinel-2</translation>
  </message>
  <message>
   <source>Classifies every parcel and says which dates decided. The map opens coloured by crop, with a chart of relevance in its map tips and in the panel 'Parcel relevance'.</source>
   <translation>Classe chaque parcelle et dit quelles dates ont décidé. La carte s'ouvre colorée par culture, avec un graphique de pertinence dans les infobulles et dans le panneau « Pertinence de la parcelle ».</translation>
  </message>
  <message>
   <source>Parcels</source>
   <translation>Parcelles</translation>
  </message>
  <message>
   <source>Field boundaries, one polygon a field. Filters and selections count; edits must be saved.</source>
   <translation>Limites des champs, un polygone par champ. Les filtres et la sélection comptent ; les modifications doivent être enregistrées.</translation>
  </message>
  <message>
   <source>Folder of Sentinel-2 scenes</source>
   <translation>Dossier des scènes Sentinel-2</translation>
  </message>
  <message>
   <source>GeoTIFFs (one a date, or one a band) or SAFE products. Give this, rasters, or a catalogue.</source>
   <translation>GeoTIFF (un par date, ou un par bande) ou produits SAFE. Donner ce dossier, des rasters ou un catalogue.</translation>
  </message>
  <message>
   <source>Sentinel-2 rasters</source>
   <translation>Rasters Sentinel-2</translation>
  </message>
  <message>
   <source>Raster layers or files, one a date, that name their bands.</source>
   <translation>Couches raster ou fichiers, un par date, qui nomment leurs bandes.</translation>
  </message>
  <message>
   <source>Catalogue of scenes</source>
   <translation>Catalogue de scènes</translation>
  </message>
  <message>
   <source>STAC items or catalogue (.json), or a list of scenes (.csv, .parquet).</source>
   <translation>Items ou catalogue STAC (.json), ou liste de scènes (.csv, .parquet).</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modèle</translation>
  </message>
  <message>
   <source>A model that comes with cropxai; 'default' is that of the level of the scenes or series.</source>
   <translation>Un modèle fourni avec cropxai ; « default » est celui du niveau de traitement des scènes ou de la série.</translation>
  </message>
  <message>
   <source>Folder of your own model</source>
   <translation>Dossier de votre propre modèle</translation>
  </message>
  <message>
   <source>Written by 'Train model'; used in place of the model above.</source>
   <translation>Écrit par « Entraîner un modèle » ; remplace le modèle ci-dessus.</translation>
  </message>
  <message>
   <source>Season (year)</source>
   <translation>Saison (année)</translation>
  </message>
  <message>
   <source>Calendar year to keep, where the scenes are of several.</source>
   <translation>Année civile à garder, si les scènes sont de plusieurs.</translation>
  </message>
  <message>
   <source>First date</source>
   <translation>Première date</translation>
  </message>
  <message>
   <source>Earlier dates are left out.</source>
   <translation>Les dates antérieures sont omises.</translation>
  </message>
  <message>
   <source>Last date</source>
   <translation>Dernière date</translation>
  </message>
  <message>
   <source>Later dates are left out, as if it were that day.</source>
   <translation>Les dates postérieures sont omises, comme si l'on était ce jour-là.</translation>
  </message>
  <message>
   <source>Field with the declared crop</source>
   <translation>Champ de la culture déclarée</translation>
  </message>
  <message>
   <source>It is kept beside the answer for comparison, and needed to train.</source>
   <translation>Gardée à côté de la réponse pour comparaison ; nécessaire à l'entraînement.</translation>
  </message>
  <message>
   <source>Field with the identifier</source>
   <translation>Champ de l'identifiant</translation>
  </message>
  <message>
   <source>By default parcel_id or id, else the number of the row.</source>
   <translation>Par défaut parcel_id ou id, sinon le numéro de la ligne.</translation>
  </message>
  <message>
   <source>Processing level</source>
   <translation>Niveau de traitement</translation>
  </message>
  <message>
   <source>Of rasters that do not tell it.</source>
   <translation>Des rasters qui ne le disent pas.</translation>
  </message>
  <message>
   <source>Least clear share</source>
   <translation>Part claire minimale</translation>
  </message>
  <message>
   <source>Share of a parcel's pixels that must be clear for a date to count.</source>
   <translation>Part des pixels d'une parcelle qui doit être claire pour qu'une date compte.</translation>
  </message>
  <message>
   <source>Distance around clouds (m)</source>
   <translation>Distance aux nuages (m)</translation>
  </message>
  <message>
   <source>Pixels so near to cloud and shadow are not clear either.</source>
   <translation>Les pixels aussi proches d'un nuage ou d'une ombre ne sont pas clairs non plus.</translation>
  </message>
  <message>
   <source>Pixels of a parcel</source>
   <translation>Pixels d'une parcelle</translation>
  </message>
  <message>
   <source>Centre inside, by covered share, or as EuroCropsML takes them.</source>
   <translation>Centre à l'intérieur, selon la part couverte, ou comme EuroCropsML les prend.</translation>
  </message>
  <message>
   <source>Statistic</source>
   <translation>Statistique</translation>
  </message>
  <message>
   <source>Of the clear pixels of a parcel.</source>
   <translation>Des pixels clairs d'une parcelle.</translation>
  </message>
  <message>
   <source>Shrink parcels by (m)</source>
   <translation>Réduire les parcelles de (m)</translation>
  </message>
  <message>
   <source>Keeps the pixels of hedges and roads out.</source>
   <translation>Écarte les pixels des haies et des chemins.</translation>
  </message>
  <message>
   <source>Least number of pixels</source>
   <translation>Nombre minimal de pixels</translation>
  </message>
  <message>
   <source>Parcels of fewer pixels get no value.</source>
   <translation>Les parcelles de moins de pixels n'ont pas de valeur.</translation>
  </message>
  <message>
   <source>Rasters read at the same time</source>
   <translation>Rasters lus en même temps</translation>
  </message>
  <message>
   <source>By default as many as processors, at most 8.</source>
   <translation>Par défaut autant que de processeurs, 8 au plus.</translation>
  </message>
  <message>
   <source>Method of explanation</source>
   <translation>Méthode d'explication</translation>
  </message>
  <message>
   <source>Layer-wise Relevance Propagation (cp-lrp), or another way.</source>
   <translation>Layer-wise Relevance Propagation (cp-lrp), ou une autre voie.</translation>
  </message>
  <message>
   <source>What is explained</source>
   <translation>Ce qui est expliqué</translation>
  </message>
  <message>
   <source>The lead over the next class, or the score itself.</source>
   <translation>L'avance sur la classe suivante, ou le score lui-même.</translation>
  </message>
  <message>
   <source>Reference of relevance</source>
   <translation>Référence de la pertinence</translation>
  </message>
  <message>
   <source>The series from which relevance is counted.</source>
   <translation>La série à partir de laquelle la pertinence est comptée.</translation>
  </message>
  <message>
   <source>Greatest n of the windows</source>
   <translation>Plus grand n des fenêtres</translation>
  </message>
  <message>
   <source>The n dates of highest relevance bound the window Δt_n.</source>
   <translation>Les n dates de plus forte pertinence bornent la fenêtre Δt_n.</translation>
  </message>
  <message>
   <source>Loss that a window may have</source>
   <translation>Perte admise d'une fenêtre</translation>
  </message>
  <message>
   <source>In percentage points of accuracy.</source>
   <translation>En points de pourcentage d'exactitude.</translation>
  </message>
  <message>
   <source>How relevance is gathered</source>
   <translation>Comment la pertinence est réunie</translation>
  </message>
  <message>
   <source>From parcels to the dates of a crop.</source>
   <translation>Des parcelles aux dates d'une culture.</translation>
  </message>
  <message>
   <source>Confidence of a known crop</source>
   <translation>Confiance d'une culture connue</translation>
  </message>
  <message>
   <source>From this confidence on, a parcel's crop counts as known.</source>
   <translation>À partir de cette confiance, la culture d'une parcelle est tenue pour connue.</translation>
  </message>
  <message>
   <source>Keep the reflectance of the parcels</source>
   <translation>Garder la réflectance des parcelles</translation>
  </message>
  <message>
   <source>Of every parcel and date, for the panel; without it the file is a tenth smaller.</source>
   <translation>De chaque parcelle à chaque date, pour le panneau ; sans elle, le fichier est plus petit d'un dixième.</translation>
  </message>
  <message>
   <source>Further options</source>
   <translation>Autres options</translation>
  </message>
  <message>
   <source>Options of the command line as they are written there; see cropxai COMMAND --help.</source>
   <translation>Options de la ligne de commande, écrites comme là-bas ; voir cropxai COMMANDE --help.</translation>
  </message>
  <message>
   <source>GeoPackage (.gpkg) with parcels, relevance, classes, styles and how it was made.</source>
   <translation>GeoPackage (.gpkg) avec parcelles, pertinence, classes, styles et son origine.</translation>
  </message>
  <message>
   <source>Parcels with an answer</source>
   <translation>Parcelles avec réponse</translation>
  </message>
  <message>
   <source>Parcels without an answer</source>
   <translation>Parcelles sans réponse</translation>
  </message>
  <message>
   <source>Report</source>
   <translation>Rapport</translation>
  </message>
  <message>
   <source>One page on a crop map: tables, figures, how it was made</source>
   <translation>Une page sur une carte des cultures : tableaux, figures, son origine</translation>
  </message>
  <message>
   <source>Writes a page that opens in any browser without a network.</source>
   <translation>Écrit une page qui s'ouvre dans tout navigateur sans réseau.</translation>
  </message>
  <message>
   <source>A layer of a crop map, or its GeoPackage.</source>
   <translation>Une couche d'une carte des cultures, ou son GeoPackage.</translation>
  </message>
  <message>
   <source>Page to write (.html).</source>
   <translation>Page à écrire (.html).</translation>
  </message>
  <message>
   <source>Folder for the figures</source>
   <translation>Dossier des figures</translation>
  </message>
  <message>
   <source>The figures of the page, as files.</source>
   <translation>Les figures de la page, en fichiers.</translation>
  </message>
  <message>
   <source>Export style (plugin-ready)</source>
   <translation>Exporter le style (prêt pour l'extension)</translation>
  </message>
  <message>
   <source>Write the styles, forms and project of a crop map anew</source>
   <translation>Réécrire les styles, les formulaires et le projet d'une carte des cultures</translation>
  </message>
  <message>
   <source>Needed after the file was renamed, or after colours were changed in its table of classes. Styles that were saved in QGIS are kept.</source>
   <translation>Nécessaire si le fichier a été renommé, ou si des couleurs de sa table des classes ont changé. Les styles enregistrés dans QGIS sont gardés.</translation>
  </message>
  <message>
   <source>Extract series</source>
   <translation>Extraire les séries</translation>
  </message>
  <message>
   <source>Series and models</source>
   <translation>Séries et modèles</translation>
  </message>
  <message>
   <source>Reflectance of every parcel, date and band</source>
   <translation>Réflectance de chaque parcelle, date et bande</translation>
  </message>
  <message>
   <source>The series is what models are trained on. A run that was cancelled goes on where it stopped.</source>
   <translation>Les modèles s'entraînent sur la série. Un calcul annulé reprend là où il s'est arrêté.</translation>
  </message>
  <message>
   <source>Bands</source>
   <translation>Bandes</translation>
  </message>
  <message>
   <source>Such as B02,B03,B04; by default all.</source>
   <translation>Comme B02,B03,B04 ; par défaut toutes.</translation>
  </message>
  <message>
   <source>Add to the series</source>
   <translation>Ajouter à la série</translation>
  </message>
  <message>
   <source>Reads only what is new, if the series is there.</source>
   <translation>Ne lit que le nouveau, si la série existe.</translation>
  </message>
  <message>
   <source>Series</source>
   <translation>Série</translation>
  </message>
  <message>
   <source>Folder to write; its name ends in .zarr.</source>
   <translation>Dossier à écrire ; son nom finit par .zarr.</translation>
  </message>
  <message>
   <source>Dates</source>
   <translation>Dates</translation>
  </message>
  <message>
   <source>Rasters</source>
   <translation>Rasters</translation>
  </message>
  <message>
   <source>Train model</source>
   <translation>Entraîner un modèle</translation>
  </message>
  <message>
   <source>A model from labelled series</source>
   <translation>Un modèle à partir de séries étiquetées</translation>
  </message>
  <message>
   <source>Learns from the parcels of a series with a declared crop, and stops early on parcels held back.</source>
   <translation>Apprend des parcelles à culture déclarée, et s'arrête tôt selon des parcelles mises de côté.</translation>
  </message>
  <message>
   <source>Folder (.zarr) that 'Extract series' wrote.</source>
   <translation>Dossier (.zarr) écrit par « Extraire les séries ».</translation>
  </message>
  <message>
   <source>Training steps</source>
   <translation>Pas d'entraînement</translation>
  </message>
  <message>
   <source>Steps aimed at; more take longer.</source>
   <translation>Nombre de pas visé ; davantage dure plus longtemps.</translation>
  </message>
  <message>
   <source>How parcels are held back</source>
   <translation>Comment des parcelles sont mises de côté</translation>
  </message>
  <message>
   <source>'spatial', 'random', or the name of a column of the series.</source>
   <translation>« spatial », « random », ou le nom d'une colonne de la série.</translation>
  </message>
  <message>
   <source>Share held back</source>
   <translation>Part mise de côté</translation>
  </message>
  <message>
   <source>Parcels on which training is checked.</source>
   <translation>Parcelles sur lesquelles l'entraînement est contrôlé.</translation>
  </message>
  <message>
   <source>Least parcels of a class</source>
   <translation>Nombre minimal de parcelles d'une classe</translation>
  </message>
  <message>
   <source>Classes with fewer parcels are left out.</source>
   <translation>Les classes de moins de parcelles sont omises.</translation>
  </message>
  <message>
   <source>Share cut at a random date</source>
   <translation>Part coupée à une date au hasard</translation>
  </message>
  <message>
   <source>Teaches the model to answer before the season's end.</source>
   <translation>Apprend au modèle à répondre avant la fin de la saison.</translation>
  </message>
  <message>
   <source>Seed</source>
   <translation>Graine</translation>
  </message>
  <message>
   <source>Of all random choices.</source>
   <translation>De tous les choix au hasard.</translation>
  </message>
  <message>
   <source>Folder to write.</source>
   <translation>Dossier à écrire.</translation>
  </message>
  <message>
   <source>Accuracy on parcels held back</source>
   <translation>Exactitude sur les parcelles mises de côté</translation>
  </message>
  <message>
   <source>Macro-F1 on parcels held back</source>
   <translation>Macro-F1 sur les parcelles mises de côté</translation>
  </message>
  <message>
   <source>Classify</source>
   <translation>Classer</translation>
  </message>
  <message>
   <source>Crop of every parcel of a series</source>
   <translation>Culture de chaque parcelle d'une série</translation>
  </message>
  <message>
   <source>Gives crop, confidence and second crop, or why there is no answer; without relevance, so it is fast.</source>
   <translation>Donne culture, confiance et seconde culture, ou pourquoi il n'y a pas de réponse ; sans pertinence, donc rapide.</translation>
  </message>
  <message>
   <source>Of every parcel and date, for the panel; with it the file is larger and takes longer.</source>
   <translation>De chaque parcelle à chaque date, pour le panneau ; avec elle, le fichier est plus grand et prend plus de temps.</translation>
  </message>
  <message>
   <source>Explain</source>
   <translation>Expliquer</translation>
  </message>
  <message>
   <source>Relevance of every parcel, date and band</source>
   <translation>Pertinence de chaque parcelle, date et bande</translation>
  </message>
  <message>
   <source>Writes the relevance for the answer of the model, for programs that read Zarr.</source>
   <translation>Écrit la pertinence pour la réponse du modèle, pour les programmes qui lisent Zarr.</translation>
  </message>
  <message>
   <source>Detail</source>
   <translation>Détail</translation>
  </message>
  <message>
   <source>Relevance by date, or by band too; by default the finest that the method has.</source>
   <translation>Pertinence par date, ou aussi par bande ; par défaut le plus fin que la méthode donne.</translation>
  </message>
  <message>
   <source>Crop to explain</source>
   <translation>Culture à expliquer</translation>
  </message>
  <message>
   <source>By default the answer of each parcel; else this crop of the model.</source>
   <translation>Par défaut la réponse de chaque parcelle ; sinon cette culture du modèle.</translation>
  </message>
  <message>
   <source>Explain the declared crop</source>
   <translation>Expliquer la culture déclarée</translation>
  </message>
  <message>
   <source>In place of the answer.</source>
   <translation>À la place de la réponse.</translation>
  </message>
  <message>
   <source>Device</source>
   <translation>Appareil</translation>
  </message>
  <message>
   <source>Where the network runs.</source>
   <translation>Où le réseau tourne.</translation>
  </message>
  <message>
   <source>Compare with the reference first</source>
   <translation>Comparer d'abord à la référence</translation>
  </message>
  <message>
   <source>8 random parcels, by the rules written out.</source>
   <translation>8 parcelles au hasard, selon les règles écrites en entier.</translation>
  </message>
  <message>
   <source>Relevance</source>
   <translation>Pertinence</translation>
  </message>
  <message>
   <source>Season study</source>
   <translation>Étude de la saison</translation>
  </message>
  <message>
   <source>Which dates decide, and what a shorter season costs</source>
   <translation>Quelles dates décident, et ce que coûte une saison plus courte</translation>
  </message>
  <message>
   <source>Trains on the whole season, finds the dates that matter, and trains again on the windows they bound.</source>
   <translation>Entraîne sur toute la saison, trouve les dates qui importent, et entraîne à nouveau sur les fenêtres qu'elles bornent.</translation>
  </message>
  <message>
   <source>Share on which windows are scored</source>
   <translation>Part sur laquelle les fenêtres sont évaluées</translation>
  </message>
  <message>
   <source>Parcels that no training sees.</source>
   <translation>Parcelles qu'aucun entraînement ne voit.</translation>
  </message>
  <message>
   <source>Study</source>
   <translation>Étude</translation>
  </message>
  <message>
   <source>Folder to write: tables, figure and model.</source>
   <translation>Dossier à écrire : tableaux, figure et modèle.</translation>
  </message>
  <message>
   <source>Chosen window</source>
   <translation>Fenêtre choisie</translation>
  </message>
  <message>
   <source>Installation</source>
   <translation>Installation</translation>
  </message>
  <message>
   <source>Check environment</source>
   <translation>Vérifier l'environnement</translation>
  </message>
  <message>
   <source>Which cropxai the plugin runs, its versions and devices</source>
   <translation>Quel cropxai l'extension exécute, ses versions et appareils</translation>
  </message>
  <message>
   <source>Finds cropxai and tells its versions, devices and paths, as a text for a report of a bug.</source>
   <translation>Trouve cropxai et donne ses versions, appareils et chemins, en texte pour un rapport de bogue.</translation>
  </message>
  <message>
   <source>Page</source>
   <translation>Page</translation>
  </message>
  <message>
   <source>What was found, as a page.</source>
   <translation>Ce qui a été trouvé, en page.</translation>
  </message>
  <message>
   <source>Whether cropxai can be run</source>
   <translation>Si cropxai peut être exécuté</translation>
  </message>
  <message>
   <source>What was found, as text</source>
   <translation>Ce qui a été trouvé, en texte</translation>
  </message>
  <message>
   <source>Summary</source>
   <translation>Résumé</translation>
  </message>
  <message>
   <source>The log shows the command, which runs outside QGIS as well.</source>
   <translation>Le journal montre la commande, qui marche aussi hors de QGIS.</translation>
  </message>
  <message>
   <source>Give one of these</source>
   <translation>Donner l'un de ceux-ci</translation>
  </message>
  <message>
   <source>red</source>
   <translation>rouge</translation>
  </message>
  <message>
   <source>near infrared</source>
   <translation>proche infrarouge</translation>
  </message>
  <message>
   <source>short-wave infrared</source>
   <translation>infrarouge à ondes courtes</translation>
  </message>
  <message>
   <source>no answer</source>
   <translation>pas de réponse</translation>
  </message>
  <message>
   <source>known from</source>
   <translation>connue dès</translation>
  </message>
  <message>
   <source>no relevance</source>
   <translation>pas de pertinence</translation>
  </message>
  <message>
   <source>not seen</source>
   <translation>non vue</translation>
  </message>
  <message>
   <source>The parcel was not seen.</source>
   <translation>La parcelle n'a pas été vue.</translation>
  </message>
  <message>
   <source>this parcel</source>
   <translation>cette parcelle</translation>
  </message>
  <message>
   <source>median of its crop</source>
   <translation>médiane de sa culture</translation>
  </message>
  <message>
   <source>for the crop</source>
   <translation>pour la culture</translation>
  </message>
  <message>
   <source>against it</source>
   <translation>contre elle</translation>
  </message>
  <message>
   <source>its window</source>
   <translation>sa fenêtre</translation>
  </message>
  <message>
   <source>relevance</source>
   <translation>pertinence</translation>
  </message>
  <message>
   <source>Parcel relevance</source>
   <translation>Pertinence de la parcelle</translation>
  </message>
  <message>
   <source>Make the parcels of a crop map the current layer.</source>
   <translation>Faites des parcelles d'une carte des cultures la couche courante.</translation>
  </message>
  <message>
   <source>Select one parcel on the map.</source>
   <translation>Sélectionnez une parcelle sur la carte.</translation>
  </message>
  <message>
   <source>Relevance by date</source>
   <translation>Pertinence par date</translation>
  </message>
  <message>
   <source>Classes</source>
   <translation>Classes</translation>
  </message>
  <message>
   <source>Curves</source>
   <translation>Courbes</translation>
  </message>
  <message>
   <source>Season ends</source>
   <translation>Fins de saison</translation>
  </message>
  <message>
   <source>Months</source>
   <translation>Mois</translation>
  </message>
  <message>
   <source>Run</source>
   <translation>Calcul</translation>
  </message>
  <message>
   <source>Tables</source>
   <translation>Tables</translation>
  </message>
  <message>
   <source>Python environment of cropxai (folder, Python or cropxai program)</source>
   <translation>Environnement Python de cropxai (dossier, Python ou programme cropxai)</translation>
  </message>
  <message>
   <source>cropxai: explained crop maps</source>
   <translation>cropxai : cartes des cultures expliquées</translation>
  </message>
 </context>
</TS>
