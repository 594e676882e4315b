r"""Our stopping rule: a parcel is decided when waiting for the rest of the season no longer promises a better answer.

What waiting can bring is not one minus the confidence: a parcel that will be as doubtful in autumn as it is in May gains
nothing from the summer. The rule therefore learns, on parcels of known crop that the model was not trained on, the
*regret* of a date: the chance that the answer is wrong now and right under the best later decision, less the chance of the
reverse, against a price per day, backwards from the last date (least-squares Monte Carlo for optimal stopping; Longstaff
& Schwartz 2001). It sees the calibrated probabilities of the two leading crops, which crops they are, how long the
leading one has led, and the day. The price is found such that the expected loss is the one the user accepts.
"""
