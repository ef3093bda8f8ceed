"""
Which source language helps
===========================

*I can have labels in one more language. Which one?* Train on each language, test on each, and look.
"""

# %%
# Small phrases in six languages, of words that are in any dictionary.

import pandas as pd

good = {
    "es": "excelente fantástico perfecto limpio cómodo amable agradable tranquilo",
    "pt": "excelente fantástico perfeito limpo cómodo amável agradável tranquilo",
    "it": "eccellente fantastico perfetto pulito comodo gentile gradevole tranquillo",
    "de": "ausgezeichnet fantastisch perfekt sauber bequem freundlich angenehm ruhig",
    "nl": "uitstekend fantastisch perfect schoon comfortabel vriendelijk aangenaam rustig",
    "sv": "utmärkt fantastisk perfekt ren bekväm vänlig angenäm lugn",
}
bad = {
    "es": "terrible horrible sucio ruidoso incómodo feo malo desagradable",
    "pt": "terrível horrível sujo barulhento incómodo feio mau desagradável",
    "it": "terribile orribile sporco rumoroso scomodo brutto cattivo sgradevole",
    "de": "schrecklich furchtbar schmutzig laut unbequem hässlich schlecht unangenehm",
    "nl": "verschrikkelijk vreselijk smerig luidruchtig oncomfortabel lelijk slecht onaangenaam",
    "sv": "förskräcklig fruktansvärd smutsig högljudd obekväm ful dålig oangenäm",
}
nouns = {
    "es": "hotel desayuno baño personal",
    "pt": "hotel desjejum banho pessoal",
    "it": "hotel colazione bagno personale",
    "de": "Hotel Frühstück Bad Personal",
    "nl": "hotel ontbijt bad personeel",
    "sv": "hotell frukost bad personal",
}
data = pd.DataFrame(
    [
        (f"{noun} {adjective}", language, label)
        for language in good
        for label, adjectives in ((1, good), (0, bad))
        for adjective in adjectives[language].split()
        for noun in nouns[language].split()
    ],
    columns=["text", "language", "label"],
)
data.groupby("language").first()

# %%
# The transfer matrix
# -------------------
# :func:`~metaling_sk.inspection.transfer_matrix` takes any classifier of scikit-learn, here one of
# character n-grams: related words share them.

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from metaling_sk import TransferMatrixDisplay
from metaling_sk.inspection import transfer_matrix

characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), lowercase=True)
clf = make_pipeline(characters, LogisticRegression(C=10))
matrix = transfer_matrix(
    clf,
    data["text"].tolist(),
    data["label"].to_numpy(),
    language=data["language"].tolist(),
    cv=4,
    random_state=0,
    verbose=0,
)
display = TransferMatrixDisplay(matrix, score_name="accuracy").plot(order="clustered")

# %%
# Spanish and Portuguese help each other. The other pairs share few words, and most are not far from
# guessing (0.5). The diagonal is high because the same adjectives, with other nouns, are in the
# training part; pass ``groups`` where that would be cheating.
#
# Are labels in all other languages better than those in the best one?

from sklearn.model_selection import cross_val_score

from metaling_sk import LeaveOneLanguageOut

folds = LeaveOneLanguageOut().split(data, data["label"])
others = cross_val_score(clf, data["text"], data["label"], cv=folds)
best = pd.Series({language: matrix[language].drop(language).max() for language in matrix})
pd.DataFrame({"all others": others, "best other": best}).round(2)

# %%
# All others together are about as good as the best one, or better, and it need not be known which
# one that is.
#
# Ranking
# -------
# For a language with labels its column of the matrix decides.

from metaling_sk.inspection import rank_source_languages

rank_source_languages("pt", matrix=matrix).round(2)

# %%
# Without labels distances between the texts have to do. They need no classifier at all.

ranking = rank_source_languages("pt", texts=data["text"], language=data["language"])
ranking.round(2)

# %%
# Do both agree? This is the rank correlation for each language.

agreement = {
    language: rank_source_languages(language, texts=data["text"], language=data["language"])["rank"]
    .corr(-matrix[language].drop(language), method="spearman")
    .round(2)
    for language in matrix
}
pd.Series(agreement, name="rank correlation").to_frame()

# %%
# They agree in part, and for Swedish not at all, although related words of made-up phrases are an
# easy case. A distance is a hint and no more: :ref:`ranking-of-source-languages` has how well each
# ranks on two tasks.
