"""Codes of languages: those of ISO 639-1, and other codes and names of the same languages."""

from __future__ import annotations

# fmt: off
ISO_639_3 = {
    "aa": "aar", "ab": "abk", "ae": "ave", "af": "afr", "ak": "aka", "am": "amh", "an": "arg",
    "ar": "ara", "as": "asm", "av": "ava", "ay": "aym", "az": "aze", "ba": "bak", "be": "bel",
    "bg": "bul", "bh": "bih", "bi": "bis", "bm": "bam", "bn": "ben", "bo": "bod", "br": "bre",
    "bs": "bos", "ca": "cat", "ce": "che", "ch": "cha", "co": "cos", "cr": "cre", "cs": "ces",
    "cu": "chu", "cv": "chv", "cy": "cym", "da": "dan", "de": "deu", "dv": "div", "dz": "dzo",
    "ee": "ewe", "el": "ell", "en": "eng", "eo": "epo", "es": "spa", "et": "est", "eu": "eus",
    "fa": "fas", "ff": "ful", "fi": "fin", "fj": "fij", "fo": "fao", "fr": "fra", "fy": "fry",
    "ga": "gle", "gd": "gla", "gl": "glg", "gn": "grn", "gu": "guj", "gv": "glv", "ha": "hau",
    "he": "heb", "hi": "hin", "ho": "hmo", "hr": "hrv", "ht": "hat", "hu": "hun", "hy": "hye",
    "hz": "her", "ia": "ina", "id": "ind", "ie": "ile", "ig": "ibo", "ii": "iii", "ik": "ipk",
    "in": "ind", "io": "ido", "is": "isl", "it": "ita", "iu": "iku", "iw": "heb", "ja": "jpn",
    "ji": "yid", "jv": "jav", "jw": "jav", "ka": "kat", "kg": "kon", "ki": "kik", "kj": "kua",
    "kk": "kaz", "kl": "kal", "km": "khm", "kn": "kan", "ko": "kor", "kr": "kau", "ks": "kas",
    "ku": "kur", "kv": "kom", "kw": "cor", "ky": "kir", "la": "lat", "lb": "ltz", "lg": "lug",
    "li": "lim", "ln": "lin", "lo": "lao", "lt": "lit", "lu": "lub", "lv": "lav", "mg": "mlg",
    "mh": "mah", "mi": "mri", "mk": "mkd", "ml": "mal", "mn": "mon", "mo": "mol", "mr": "mar",
    "ms": "msa", "mt": "mlt", "my": "mya", "na": "nau", "nb": "nob", "nd": "nde", "ne": "nep",
    "ng": "ndo", "nl": "nld", "nn": "nno", "no": "nor", "nr": "nbl", "nv": "nav", "ny": "nya",
    "oc": "oci", "oj": "oji", "om": "orm", "or": "ori", "os": "oss", "pa": "pan", "pi": "pli",
    "pl": "pol", "ps": "pus", "pt": "por", "qu": "que", "rm": "roh", "rn": "run", "ro": "ron",
    "ru": "rus", "rw": "kin", "sa": "san", "sc": "srd", "sd": "snd", "se": "sme", "sg": "sag",
    "sh": "hbs", "si": "sin", "sk": "slk", "sl": "slv", "sm": "smo", "sn": "sna", "so": "som",
    "sq": "sqi", "sr": "srp", "ss": "ssw", "st": "sot", "su": "sun", "sv": "swe", "sw": "swa",
    "ta": "tam", "te": "tel", "tg": "tgk", "th": "tha", "ti": "tir", "tk": "tuk", "tl": "tgl",
    "tn": "tsn", "to": "ton", "tr": "tur", "ts": "tso", "tt": "tat", "tw": "twi", "ty": "tah",
    "ug": "uig", "uk": "ukr", "ur": "urd", "uz": "uzb", "ve": "ven", "vi": "vie", "vo": "vol",
    "wa": "wln", "wo": "wol", "xh": "xho", "yi": "yid", "yo": "yor", "za": "zha", "zh": "zho",
    "zu": "zul",
}
"""The codes of ISO 639-3 by those of ISO 639-1, some of which are no longer in use."""

OTHER_NAMES = {
    # The bibliographic codes of ISO 639-2.
    "tib": "bod", "cze": "ces", "wel": "cym", "ger": "deu", "gre": "ell", "baq": "eus",
    "per": "fas", "fre": "fra", "arm": "hye", "ice": "isl", "geo": "kat", "mao": "mri",
    "mac": "mkd", "may": "msa", "bur": "mya", "dut": "nld", "rum": "ron", "slo": "slk",
    "alb": "sqi", "chi": "zho",
    # A language that stands for its macrolanguage or has a second code, as in CLDR and FLORES.
    "als": "sqi", "arb": "ara", "ayr": "aym", "azj": "aze", "cmn": "zho", "cwd": "cre",
    "ekk": "est", "esk": "ipk", "fuc": "ful", "gaz": "orm", "gug": "grn", "ike": "iku",
    "khk": "mon", "kmr": "kur", "knc": "kau", "kng": "kon", "kpv": "kom", "lvs": "lav",
    "npi": "nep", "ojg": "oji", "ory": "ori", "pbu": "pus", "pes": "fas", "plt": "mlg",
    "quz": "que", "src": "srd", "swh": "swa", "uzn": "uzb", "ydd": "yid", "zsm": "msa",
    "zyb": "zha",
    "tgl": "fil",
}
"""Codes of three letters by others that name the same language."""

ENGLISH_NAMES = {
    "abkhazian": "abk", "afar": "aar", "afrikaans": "afr", "akan": "aka", "albanian": "sqi",
    "amharic": "amh", "arabic": "ara", "armenian": "hye", "assamese": "asm", "aymara": "aym",
    "azerbaijani": "aze", "bambara": "bam", "bangla": "ben", "bashkir": "bak", "basque": "eus",
    "belarusian": "bel", "bengali": "ben", "bokmål": "nob", "bosnian": "bos", "breton": "bre",
    "bulgarian": "bul", "burmese": "mya", "catalan": "cat", "chechen": "che", "chichewa": "nya",
    "chinese": "zho", "corsican": "cos", "croatian": "hrv", "czech": "ces", "danish": "dan",
    "dhivehi": "div", "dutch": "nld", "dzongkha": "dzo", "english": "eng", "esperanto": "epo",
    "estonian": "est", "faroese": "fao", "farsi": "fas", "fijian": "fij", "filipino": "fil",
    "finnish": "fin", "french": "fra", "frisian": "fry", "fula": "ful", "gaelic": "gla",
    "galician": "glg", "georgian": "kat", "german": "deu", "greek": "ell", "greenlandic": "kal",
    "guarani": "grn", "gujarati": "guj", "haitian": "hat", "hausa": "hau", "hebrew": "heb",
    "hindi": "hin", "hungarian": "hun", "icelandic": "isl", "igbo": "ibo", "indonesian": "ind",
    "inuktitut": "iku", "irish": "gle", "italian": "ita", "japanese": "jpn", "javanese": "jav",
    "kannada": "kan", "kashmiri": "kas", "kazakh": "kaz", "khmer": "khm", "kinyarwanda": "kin",
    "kirundi": "run", "kiswahili": "swa", "kongo": "kon", "korean": "kor", "kurdish": "kur",
    "kyrgyz": "kir", "latvian": "lav", "limburgish": "lim", "lingala": "lin", "lithuanian": "lit",
    "luganda": "lug", "luxembourgish": "ltz", "macedonian": "mkd", "malagasy": "mlg",
    "malay": "msa", "malayalam": "mal", "maltese": "mlt", "mandarin": "zho", "maori": "mri",
    "marathi": "mar", "mongolian": "mon", "myanmar": "mya", "navajo": "nav", "nepali": "nep",
    "norwegian": "nor", "nyanja": "nya", "nynorsk": "nno", "occitan": "oci", "odia": "ori",
    "oriya": "ori", "oromo": "orm", "ossetian": "oss", "pashto": "pus", "persian": "fas",
    "polish": "pol", "portuguese": "por", "punjabi": "pan", "quechua": "que", "romanian": "ron",
    "romansh": "roh", "russian": "rus", "samoan": "smo", "sanskrit": "san", "sardinian": "srd",
    "serbian": "srp", "sesotho": "sot", "shona": "sna", "sindhi": "snd", "sinhala": "sin",
    "slovak": "slk", "slovene": "slv", "slovenian": "slv", "somali": "som", "spanish": "spa",
    "sundanese": "sun", "swahili": "swa", "swati": "ssw", "swedish": "swe", "tagalog": "fil",
    "tajik": "tgk", "tamil": "tam", "tatar": "tat", "telugu": "tel", "thai": "tha",
    "tibetan": "bod", "tigrinya": "tir", "tongan": "ton", "tsonga": "tso", "tswana": "tsn",
    "turkish": "tur", "turkmen": "tuk", "ukrainian": "ukr", "urdu": "urd", "uyghur": "uig",
    "uzbek": "uzb", "venda": "ven", "vietnamese": "vie", "welsh": "cym", "wolof": "wol",
    "xhosa": "xho", "yiddish": "yid", "yoruba": "yor", "zulu": "zul",
}
"""Codes of three letters by the English names of languages, in small letters."""
# fmt: on


def three_letter_code(code: str) -> str:
    """Return the code by which the same language is known, whatever standard names it.

    Parameters
    ----------
    code : str
        The first subtag of the name of a language, or its English name, in small letters.

    Returns
    -------
    str
        A code of ISO 639-3 or, if it is no code that has another one, `code` itself.

    Examples
    --------
    >>> from metaling_sk._utils.language_codes import three_letter_code
    >>> [three_letter_code(code) for code in ("zh", "cmn", "chi", "chinese", "yue", "elvish")]
    ['zho', 'zho', 'zho', 'zho', 'yue', 'elvish']
    """
    code = ISO_639_3.get(code, code)
    code = OTHER_NAMES.get(code, code)
    return ENGLISH_NAMES.get(code, code)
