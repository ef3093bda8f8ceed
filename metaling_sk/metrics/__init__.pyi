from ._language_report import language_report as language_report
from ._log_loss import log_loss_scorer as log_loss_scorer
