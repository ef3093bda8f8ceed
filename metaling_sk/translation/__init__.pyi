from ._translator import TransferTranslator as TransferTranslator
