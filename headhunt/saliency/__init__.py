"""How well each attention head separates abnormal from normal rows; knows nothing of layers, prompts, files or ranking.

Rows of one head are a cloud of d-dimensional points in two classes, P (abnormal) and N (normal). Each saliency has a
module: the plain formula for one head, and below it a form that gives the same number for many heads at once, in
float64, in blocks of bounded memory. A head whose rows are all identical carries no information and scores exactly 0
(knn alone gives it the purity of neighbours drawn by chance). A value that is not finite is an error that names its
head.

A new saliency is one module and one line in SALIENCIES. Beside its imports the module needs no more than

    def plain(p, n, options):
        return float(np.linalg.norm(p.mean(axis=0) - n.mean(axis=0)))

    GAP = Saliency(plain)

and from outside the line is `SALIENCIES["gap"] = GAP`. Nothing is imported before a name is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from headhunt.registry import Registry

if TYPE_CHECKING:
    from headhunt.saliency.options import DEFAULTS, SaliencyOptions
    from headhunt.saliency.saliency import Saliency, measure
else:
    HOMES = {"DEFAULTS": "options", "SaliencyOptions": "options", "Saliency": "saliency", "measure": "saliency"}

    def __getattr__(name):
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)


__all__ = ["DEFAULTS", "SALIENCIES", "Saliency", "SaliencyOptions", "measure"]

SALIENCIES: Registry[Saliency] = Registry(
    {
        "lda": "headhunt.saliency.lda:LDA",
        "kl": "headhunt.saliency.kl:KL",
        "mmd": "headhunt.saliency.mmd:MMD",
        "nmi": "headhunt.saliency.nmi:NMI",
        "rsa": "headhunt.saliency.rsa:RSA",
        "silhouette": "headhunt.saliency.silhouette:SILHOUETTE",
        "knn": "headhunt.saliency.knn:KNN",
    }
)
