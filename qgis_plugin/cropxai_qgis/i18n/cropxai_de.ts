<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
 <context>
  <name>cropxai</name>
  <message>
   <source>Crop map</source>
   <translation>Anbaukarte</translation>
  </message>
  <message>
   <source>Maps</source>
   <translation>Karten</translation>
  </message>
  <message>
   <source>Explained crop map from parcels and Sentinel-2</source>
   <translation>Erklärte Anbaukarte aus Schlägen und Sentinel-2</translation>
  </message>
  <message>
   <source>Classifies every parcel and says which dates decided. The map opens coloured by crop, with a chart of relevance in its map tips and in the panel 'Parcel relevance'.</source>
   <translation>Klassifiziert jeden Schlag und sagt, welche Tage entschieden haben. Die Karte öffnet sich nach Kulturen gefärbt, mit einem Diagramm der Relevanz in den Kartentipps und im Bedienfeld „Relevanz des Schlags“.</translation>
  </message>
  <message>
   <source>Parcels</source>
   <translation>Schläge</translation>
  </message>
  <message>
   <source>Field boundaries, one polygon a field. Filters and selections count; edits must be saved.</source>
   <translation>Feldgrenzen, ein Polygon je Feld. Filter und Auswahl gelten; Änderungen müssen gespeichert sein.</translation>
  </message>
  <message>
   <source>Folder of Sentinel-2 scenes</source>
   <translation>Ordner mit Sentinel-2-Szenen</translation>
  </message>
  <message>
   <source>GeoTIFFs (one a date, or one a band) or SAFE products. Give this, rasters, or a catalogue.</source>
   <translation>GeoTIFFs (eines je Tag oder eines je Band) oder SAFE-Produkte. Dies, Raster oder einen Katalog angeben.</translation>
  </message>
  <message>
   <source>Sentinel-2 rasters</source>
   <translation>Sentinel-2-Raster</translation>
  </message>
  <message>
   <source>Raster layers or files, one a date, that name their bands.</source>
   <translation>Rasterlayer oder Dateien, eine je Tag, die ihre Bänder nennen.</translation>
  </message>
  <message>
   <source>Catalogue of scenes</source>
   <translation>Katalog von Szenen</translation>
  </message>
  <message>
   <source>STAC items or catalogue (.json), or a list of scenes (.csv, .parquet).</source>
   <translation>STAC-Items oder -Katalog (.json) oder eine Liste von Szenen (.csv, .parquet).</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>A model that comes with cropxai; 'default' is that of the level of the scenes or series.</source>
   <translation>Ein Modell, das cropxai mitbringt; 'default' ist das der Verarbeitungsstufe der Szenen oder der Reihe.</translation>
  </message>
  <message>
   <source>Folder of your own model</source>
   <translation>Ordner des eigenen Modells</translation>
  </message>
  <message>
   <source>Written by 'Train model'; used in place of the model above.</source>
   <translation>Von „Modell trainieren“ geschrieben; ersetzt das Modell oben.</translation>
  </message>
  <message>
   <source>Season (year)</source>
   <translation>Saison (Jahr)</translation>
  </message>
  <message>
   <source>Calendar year to keep, where the scenes are of several.</source>
   <translation>Kalenderjahr, das bleibt, wenn die Szenen aus mehreren sind.</translation>
  </message>
  <message>
   <source>First date</source>
   <translation>Erster Tag</translation>
  </message>
  <message>
   <source>Earlier dates are left out.</source>
   <translation>Frühere Tage entfallen.</translation>
  </message>
  <message>
   <source>Last date</source>
   <translation>Letzter Tag</translation>
  </message>
  <message>
   <source>Later dates are left out, as if it were that day.</source>
   <translation>Spätere Tage entfallen, als wäre es jener Tag.</translation>
  </message>
  <message>
   <source>Field with the declared crop</source>
   <translation>Feld mit der gemeldeten Kultur</translation>
  </message>
  <message>
   <source>It is kept beside the answer for comparison, and needed to train.</source>
   <translation>Steht zum Vergleich neben der Antwort; nötig zum Trainieren.</translation>
  </message>
  <message>
   <source>Field with the identifier</source>
   <translation>Feld mit dem Kennzeichen</translation>
  </message>
  <message>
   <source>By default parcel_id or id, else the number of the row.</source>
   <translation>Ohne Angabe parcel_id oder id, sonst die Nummer der Zeile.</translation>
  </message>
  <message>
   <source>Processing level</source>
   <translation>Verarbeitungsstufe</translation>
  </message>
  <message>
   <source>Of rasters that do not tell it.</source>
   <translation>Von Rastern, die sie nicht nennen.</translation>
  </message>
  <message>
   <source>Least clear share</source>
   <translation>Kleinster klarer Anteil</translation>
  </message>
  <message>
   <source>Share of a parcel's pixels that must be clear for a date to count.</source>
   <translation>Anteil der Pixel eines Schlags, der klar sein muss, damit ein Tag zählt.</translation>
  </message>
  <message>
   <source>Distance around clouds (m)</source>
   <translation>Abstand zu Wolken (m)</translation>
  </message>
  <message>
   <source>Pixels so near to cloud and shadow are not clear either.</source>
   <translation>Pixel so nahe an Wolke und Schatten gelten auch nicht als klar.</translation>
  </message>
  <message>
   <source>Pixels of a parcel</source>
   <translation>Pixel eines Schlags</translation>
  </message>
  <message>
   <source>Centre inside, by covered share, or as EuroCropsML takes them.</source>
   <translation>Mitte im Schlag, nach bedecktem Anteil, oder wie EuroCropsML sie nimmt.</translation>
  </message>
  <message>
   <source>Statistic</source>
   <translation>Statistik</translation>
  </message>
  <message>
   <source>Of the clear pixels of a parcel.</source>
   <translation>Der klaren Pixel eines Schlags.</translation>
  </message>
  <message>
   <source>Shrink parcels by (m)</source>
   <translation>Schläge verkleinern um (m)</translation>
  </message>
  <message>
   <source>Keeps the pixels of hedges and roads out.</source>
   <translation>Hält Pixel von Hecken und Wegen fern.</translation>
  </message>
  <message>
   <source>Least number of pixels</source>
   <translation>Mindestzahl der Pixel</translation>
  </message>
  <message>
   <source>Parcels of fewer pixels get no value.</source>
   <translation>Schläge mit weniger Pixeln bekommen keinen Wert.</translation>
  </message>
  <message>
   <source>Rasters read at the same time</source>
   <translation>Zugleich gelesene Raster</translation>
  </message>
  <message>
   <source>By default as many as processors, at most 8.</source>
   <translation>Ohne Angabe so viele wie Prozessoren, höchstens 8.</translation>
  </message>
  <message>
   <source>Method of explanation</source>
   <translation>Verfahren der Erklärung</translation>
  </message>
  <message>
   <source>Layer-wise Relevance Propagation (cp-lrp), or another way.</source>
   <translation>Layer-wise Relevance Propagation (cp-lrp) oder ein anderer Weg.</translation>
  </message>
  <message>
   <source>What is explained</source>
   <translation>Was erklärt wird</translation>
  </message>
  <message>
   <source>The lead over the next class, or the score itself.</source>
   <translation>Der Vorsprung vor der nächsten Klasse oder der Wert selbst.</translation>
  </message>
  <message>
   <source>Reference of relevance</source>
   <translation>Bezug der Relevanz</translation>
  </message>
  <message>
   <source>The series from which relevance is counted.</source>
   <translation>Die Zeitreihe, von der aus Relevanz gezählt wird.</translation>
  </message>
  <message>
   <source>Greatest n of the windows</source>
   <translation>Größtes n der Fenster</translation>
  </message>
  <message>
   <source>The n dates of highest relevance bound the window Δt_n.</source>
   <translation>Die n Tage höchster Relevanz begrenzen das Fenster Δt_n.</translation>
  </message>
  <message>
   <source>Loss that a window may have</source>
   <translation>Verlust, den ein Fenster haben darf</translation>
  </message>
  <message>
   <source>In percentage points of accuracy.</source>
   <translation>In Prozentpunkten der Genauigkeit.</translation>
  </message>
  <message>
   <source>How relevance is gathered</source>
   <translation>Wie Relevanz gesammelt wird</translation>
  </message>
  <message>
   <source>From parcels to the dates of a crop.</source>
   <translation>Von Schlägen zu den Tagen einer Kultur.</translation>
  </message>
  <message>
   <source>Confidence of a known crop</source>
   <translation>Konfidenz einer bekannten Kultur</translation>
  </message>
  <message>
   <source>From this confidence on, a parcel's crop counts as known.</source>
   <translation>Ab dieser Konfidenz gilt die Kultur eines Schlags als bekannt.</translation>
  </message>
  <message>
   <source>Keep the reflectance of the parcels</source>
   <translation>Reflexion der Schläge behalten</translation>
  </message>
  <message>
   <source>Of every parcel and date, for the panel; without it the file is a tenth smaller.</source>
   <translation>Jedes Schlags an jedem Tag, für das Bedienfeld; ohne sie ist die Datei um ein Zehntel kleiner.</translation>
  </message>
  <message>
   <source>Further options</source>
   <translation>Weitere Optionen</translation>
  </message>
  <message>
   <source>Options of the command line as they are written there; see cropxai COMMAND --help.</source>
   <translation>Optionen der Befehlszeile, wie sie dort geschrieben werden; siehe cropxai BEFEHL --help.</translation>
  </message>
  <message>
   <source>GeoPackage (.gpkg) with parcels, relevance, classes, styles and how it was made.</source>
   <translation>GeoPackage (.gpkg) mit Schlägen, Relevanz, Klassen, Stilen und wie es entstand.</translation>
  </message>
  <message>
   <source>Parcels with an answer</source>
   <translation>Schläge mit Antwort</translation>
  </message>
  <message>
   <source>Parcels without an answer</source>
   <translation>Schläge ohne Antwort</translation>
  </message>
  <message>
   <source>Report</source>
   <translation>Bericht</translation>
  </message>
  <message>
   <source>One page on a crop map: tables, figures, how it was made</source>
   <translation>Eine Seite zu einer Anbaukarte: Tabellen, Abbildungen, wie sie entstand</translation>
  </message>
  <message>
   <source>Writes a page that opens in any browser without a network.</source>
   <translation>Schreibt eine Seite, die jeder Browser ohne Netz öffnet.</translation>
  </message>
  <message>
   <source>A layer of a crop map, or its GeoPackage.</source>
   <translation>Ein Layer einer Anbaukarte oder ihr GeoPackage.</translation>
  </message>
  <message>
   <source>Page to write (.html).</source>
   <translation>Zu schreibende Seite (.html).</translation>
  </message>
  <message>
   <source>Folder for the figures</source>
   <translation>Ordner für die Abbildungen</translation>
  </message>
  <message>
   <source>The figures of the page, as files.</source>
   <translation>Die Abbildungen der Seite als Dateien.</translation>
  </message>
  <message>
   <source>Export style (plugin-ready)</source>
   <translation>Stil exportieren (fertig für das Plugin)</translation>
  </message>
  <message>
   <source>Write the styles, forms and project of a crop map anew</source>
   <translation>Stile, Formulare und Projekt einer Anbaukarte neu schreiben</translation>
  </message>
  <message>
   <source>Needed after the file was renamed, or after colours were changed in its table of classes. Styles that were saved in QGIS are kept.</source>
   <translation>Nötig, wenn die Datei umbenannt oder Farben in ihrer Klassentabelle geändert wurden. In QGIS gespeicherte Stile bleiben.</translation>
  </message>
  <message>
   <source>Extract series</source>
   <translation>Zeitreihen gewinnen</translation>
  </message>
  <message>
   <source>Series and models</source>
   <translation>Zeitreihen und Modelle</translation>
  </message>
  <message>
   <source>Reflectance of every parcel, date and band</source>
   <translation>Reflexion jedes Schlags, Tages und Bandes</translation>
  </message>
  <message>
   <source>The series is what models are trained on. A run that was cancelled goes on where it stopped.</source>
   <translation>Mit den Zeitreihen werden Modelle trainiert. Ein abgebrochener Lauf geht dort weiter, wo er anhielt.</translation>
  </message>
  <message>
   <source>Bands</source>
   <translation>Bänder</translation>
  </message>
  <message>
   <source>Such as B02,B03,B04; by default all.</source>
   <translation>Etwa B02,B03,B04; ohne Angabe alle.</translation>
  </message>
  <message>
   <source>Add to the series</source>
   <translation>Zu den Zeitreihen hinzufügen</translation>
  </message>
  <message>
   <source>Reads only what is new, if the series is there.</source>
   <translation>Liest nur, was neu ist, wenn es die Zeitreihen schon gibt.</translation>
  </message>
  <message>
   <source>Series</source>
   <translation>Zeitreihen</translation>
  </message>
  <message>
   <source>Folder to write; its name ends in .zarr.</source>
   <translation>Zu schreibender Ordner; der Name endet auf .zarr.</translation>
  </message>
  <message>
   <source>Dates</source>
   <translation>Tage</translation>
  </message>
  <message>
   <source>Rasters</source>
   <translation>Raster</translation>
  </message>
  <message>
   <source>Train model</source>
   <translation>Modell trainieren</translation>
  </message>
  <message>
   <source>A model from labelled series</source>
   <translation>Ein Modell aus Zeitreihen mit gemeldeten Kulturen</translation>
  </message>
  <message>
   <source>Learns from the parcels of a series with a declared crop, and stops early on parcels held back.</source>
   <translation>Lernt von den Schlägen mit gemeldeter Kultur und hält früh an, geprüft an zurückgehaltenen Schlägen.</translation>
  </message>
  <message>
   <source>Folder (.zarr) that 'Extract series' wrote.</source>
   <translation>Ordner (.zarr), den „Zeitreihen gewinnen“ schrieb.</translation>
  </message>
  <message>
   <source>Training steps</source>
   <translation>Trainingsschritte</translation>
  </message>
  <message>
   <source>Steps aimed at; more take longer.</source>
   <translation>Angestrebte Schritte; mehr dauern länger.</translation>
  </message>
  <message>
   <source>How parcels are held back</source>
   <translation>Wie Schläge zurückgehalten werden</translation>
  </message>
  <message>
   <source>'spatial', 'random', or the name of a column of the series.</source>
   <translation>„spatial“, „random“ oder der Name einer Spalte der Zeitreihen.</translation>
  </message>
  <message>
   <source>Share held back</source>
   <translation>Zurückgehaltener Anteil</translation>
  </message>
  <message>
   <source>Parcels on which training is checked.</source>
   <translation>Schläge, an denen das Training geprüft wird.</translation>
  </message>
  <message>
   <source>Least parcels of a class</source>
   <translation>Mindestzahl der Schläge einer Klasse</translation>
  </message>
  <message>
   <source>Classes with fewer parcels are left out.</source>
   <translation>Klassen mit weniger Schlägen entfallen.</translation>
  </message>
  <message>
   <source>Share cut at a random date</source>
   <translation>An einem zufälligen Tag gekürzter Anteil</translation>
  </message>
  <message>
   <source>Teaches the model to answer before the season's end.</source>
   <translation>Lehrt das Modell, vor dem Ende der Saison zu antworten.</translation>
  </message>
  <message>
   <source>Seed</source>
   <translation>Startwert</translation>
  </message>
  <message>
   <source>Of all random choices.</source>
   <translation>Aller zufälligen Entscheidungen.</translation>
  </message>
  <message>
   <source>Folder to write.</source>
   <translation>Zu schreibender Ordner.</translation>
  </message>
  <message>
   <source>Accuracy on parcels held back</source>
   <translation>Genauigkeit auf zurückgehaltenen Schlägen</translation>
  </message>
  <message>
   <source>Macro-F1 on parcels held back</source>
   <translation>Makro-F1 auf zurückgehaltenen Schlägen</translation>
  </message>
  <message>
   <source>Classify</source>
   <translation>Klassifizieren</translation>
  </message>
  <message>
   <source>Crop of every parcel of a series</source>
   <translation>Kultur jedes Schlags der Zeitreihen</translation>
  </message>
  <message>
   <source>Gives crop, confidence and second crop, or why there is no answer; without relevance, so it is fast.</source>
   <translation>Gibt Kultur, Konfidenz und zweite Kultur, oder warum es keine Antwort gibt; ohne Relevanz, daher schnell.</translation>
  </message>
  <message>
   <source>Of every parcel and date, for the panel; with it the file is larger and takes longer.</source>
   <translation>Jedes Schlags an jedem Tag, für das Bedienfeld; mit ihr ist die Datei größer und braucht länger.</translation>
  </message>
  <message>
   <source>Explain</source>
   <translation>Erklären</translation>
  </message>
  <message>
   <source>Relevance of every parcel, date and band</source>
   <translation>Relevanz jedes Schlags, Tages und Bandes</translation>
  </message>
  <message>
   <source>Writes the relevance for the answer of the model, for programs that read Zarr.</source>
   <translation>Schreibt die Relevanz für die Antwort des Modells, für Programme, die Zarr lesen.</translation>
  </message>
  <message>
   <source>Detail</source>
   <translation>Feinheit</translation>
  </message>
  <message>
   <source>Relevance by date, or by band too; by default the finest that the method has.</source>
   <translation>Relevanz nach Tag oder auch nach Band; ohne Angabe das Feinste, was das Verfahren hat.</translation>
  </message>
  <message>
   <source>Crop to explain</source>
   <translation>Zu erklärende Kultur</translation>
  </message>
  <message>
   <source>By default the answer of each parcel; else this crop of the model.</source>
   <translation>Ohne Angabe die Antwort jedes Schlags, sonst diese Kultur des Modells.</translation>
  </message>
  <message>
   <source>Explain the declared crop</source>
   <translation>Gemeldete Kultur erklären</translation>
  </message>
  <message>
   <source>In place of the answer.</source>
   <translation>Anstelle der Antwort.</translation>
  </message>
  <message>
   <source>Device</source>
   <translation>Gerät</translation>
  </message>
  <message>
   <source>Where the network runs.</source>
   <translation>Worauf das Netz läuft.</translation>
  </message>
  <message>
   <source>Compare with the reference first</source>
   <translation>Zuerst mit der Referenz vergleichen</translation>
  </message>
  <message>
   <source>8 random parcels, by the rules written out.</source>
   <translation>8 zufällige Schläge, nach den ausgeschriebenen Regeln.</translation>
  </message>
  <message>
   <source>Relevance</source>
   <translation>Relevanz</translation>
  </message>
  <message>
   <source>Season study</source>
   <translation>Saisonstudie</translation>
  </message>
  <message>
   <source>Which dates decide, and what a shorter season costs</source>
   <translation>Welche Tage entscheiden und was eine kürzere Saison kostet</translation>
  </message>
  <message>
   <source>Trains on the whole season, finds the dates that matter, and trains again on the windows they bound.</source>
   <translation>Trainiert auf der ganzen Saison, findet die Tage, auf die es ankommt, und trainiert erneut auf den Fenstern dazwischen.</translation>
  </message>
  <message>
   <source>Share on which windows are scored</source>
   <translation>Anteil, auf dem Fenster bewertet werden</translation>
  </message>
  <message>
   <source>Parcels that no training sees.</source>
   <translation>Schläge, die kein Training sieht.</translation>
  </message>
  <message>
   <source>Study</source>
   <translation>Studie</translation>
  </message>
  <message>
   <source>Folder to write: tables, figure and model.</source>
   <translation>Zu schreibender Ordner: Tabellen, Abbildung und Modell.</translation>
  </message>
  <message>
   <source>Chosen window</source>
   <translation>Gewähltes Fenster</translation>
  </message>
  <message>
   <source>Installation</source>
   <translation>Installation</translation>
  </message>
  <message>
   <source>Check environment</source>
   <translation>Umgebung prüfen</translation>
  </message>
  <message>
   <source>Which cropxai the plugin runs, its versions and devices</source>
   <translation>Welches cropxai die Erweiterung ausführt, seine Versionen und Geräte</translation>
  </message>
  <message>
   <source>Finds cropxai and tells its versions, devices and paths, as a text for a report of a bug.</source>
   <translation>Findet cropxai und nennt Versionen, Geräte und Pfade, als Text für einen Fehlerbericht.</translation>
  </message>
  <message>
   <source>Page</source>
   <translation>Seite</translation>
  </message>
  <message>
   <source>What was found, as a page.</source>
   <translation>Was gefunden wurde, als Seite.</translation>
  </message>
  <message>
   <source>Whether cropxai can be run</source>
   <translation>Ob cropxai laufen kann</translation>
  </message>
  <message>
   <source>What was found, as text</source>
   <translation>Was gefunden wurde, als Text</translation>
  </message>
  <message>
   <source>Summary</source>
   <translation>Zusammenfassung</translation>
  </message>
  <message>
   <source>The log shows the command, which runs outside QGIS as well.</source>
   <translation>Das Protokoll zeigt den Befehl, der auch außerhalb von QGIS läuft.</translation>
  </message>
  <message>
   <source>Give one of these</source>
   <translation>Eines davon angeben</translation>
  </message>
  <message>
   <source>red</source>
   <translation>Rot</translation>
  </message>
  <message>
   <source>near infrared</source>
   <translation>nahes Infrarot</translation>
  </message>
  <message>
   <source>short-wave infrared</source>
   <translation>kurzwelliges Infrarot</translation>
  </message>
  <message>
   <source>no answer</source>
   <translation>keine Antwort</translation>
  </message>
  <message>
   <source>known from</source>
   <translation>bekannt ab</translation>
  </message>
  <message>
   <source>no relevance</source>
   <translation>keine Relevanz</translation>
  </message>
  <message>
   <source>not seen</source>
   <translation>nicht gesehen</translation>
  </message>
  <message>
   <source>The parcel was not seen.</source>
   <translation>Der Schlag wurde nicht gesehen.</translation>
  </message>
  <message>
   <source>this parcel</source>
   <translation>dieser Schlag</translation>
  </message>
  <message>
   <source>median of its crop</source>
   <translation>Median seiner Kultur</translation>
  </message>
  <message>
   <source>for the crop</source>
   <translation>für die Kultur</translation>
  </message>
  <message>
   <source>against it</source>
   <translation>dagegen</translation>
  </message>
  <message>
   <source>its window</source>
   <translation>ihr Fenster</translation>
  </message>
  <message>
   <source>relevance</source>
   <translation>Relevanz</translation>
  </message>
  <message>
   <source>Parcel relevance</source>
   <translation>Relevanz des Schlags</translation>
  </message>
  <message>
   <source>Make the parcels of a crop map the current layer.</source>
   <translation>Machen Sie die Schläge einer Anbaukarte zum aktuellen Layer.</translation>
  </message>
  <message>
   <source>Select one parcel on the map.</source>
   <translation>Wählen Sie einen Schlag auf der Karte aus.</translation>
  </message>
  <message>
   <source>Relevance by date</source>
   <translation>Relevanz nach Tag</translation>
  </message>
  <message>
   <source>Classes</source>
   <translation>Klassen</translation>
  </message>
  <message>
   <source>Curves</source>
   <translation>Verläufe</translation>
  </message>
  <message>
   <source>Season ends</source>
   <translation>Saisonenden</translation>
  </message>
  <message>
   <source>Months</source>
   <translation>Monate</translation>
  </message>
  <message>
   <source>Run</source>
   <translation>Lauf</translation>
  </message>
  <message>
   <source>Tables</source>
   <translation>Tabellen</translation>
  </message>
  <message>
   <source>Python environment of cropxai (folder, Python or cropxai program)</source>
   <translation>Python-Umgebung von cropxai (Ordner, Python oder Programm cropxai)</translation>
  </message>
  <message>
   <source>cropxai: explained crop maps</source>
   <translation>cropxai: erklärte Anbaukarten</translation>
  </message>
 </context>
</TS>
