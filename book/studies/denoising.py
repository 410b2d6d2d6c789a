"""The study of chapter 1, which chapter 13 uses too: four denoisers on the same noisy faces."""

from __future__ import annotations

from gahr import bases, denoisers, images, measures, zoo


def faces40_denoisers() -> dict:
    """PSNR curves of chapter 1's four denoisers on 1,000 held-out faces, the same noise for all: ``rows``."""
    x = images.load("faces40", 1000, "held-out")
    network = "faces40-unet16-n13000-a"
    chosen = {
        "cosine threshold": denoisers.Threshold(bases.dct(40, 40)),
        "wavelet threshold": denoisers.Threshold(bases.wavelet(40, 40), keep=25),
        "Wiener": denoisers.Wiener(*images.covariance("faces40")),
        "network": zoo.load(network),
    }
    rows = [{"denoiser": name} | measures.psnr_curve(f, x) for name, f in chosen.items()]
    return {"network": network, "images": len(x), "rows": rows}


STUDIES = {"faces40-denoisers": faces40_denoisers}
