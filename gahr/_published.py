"""The networks that the paper's authors published: where each lies, and how one is read safely."""

from __future__ import annotations

import torch
from torch import Tensor

from gahr import _files
from gahr._checks import check_known

__all__ = ["EARLIER", "NETWORKS", "state"]

# The authors' repository (MIT licence), at one commit.
ADDRESS = (
    "https://raw.githubusercontent.com/LabForComputationalVision/"
    "memorization_generalization_in_diffusion_models/37617228bea21e0794cfae98f1a10a81a5ada809/"
)
_C_ALPHA = "denoisers/UNet/C_alpha{0}_beta{0}_line_80x80_blurredx2/0to255_RF_90x90_set_size_100000/model.pt"
_CELEBA = "denoisers/UNet/img_align_celeba_80x80/0to255_RF_90x90_set_size_{}/model.pt"

# name: (path in the repository, git's hash of the file)
NETWORKS = {
    "calpha80-alpha1": (_C_ALPHA.format(1), "0d85e533787e502d854964eb988fb63b2b5771bf"),
    "calpha80-alpha2": (_C_ALPHA.format(2), "0f76fd63de5f13ff4dd4e5510e925269ec9e060a"),
    "calpha80-alpha3": (_C_ALPHA.format(3), "0c04abf7f124e7f99d5847bb4987e03260197558"),
    "calpha80-alpha4": (_C_ALPHA.format(4), "2ed552e2bf3cb28b107e874ec7a9cfd60d9b37a9"),
    "calpha80-alpha5": (_C_ALPHA.format(5), "fe16be6961c281366aa28997ef1bf1d940100611"),
    "celeba80-n1-a": (_CELEBA.format("1"), "b29e51543eec1deff01dede4fac928b855ed680c"),
    "celeba80-n1-b": (_CELEBA.format("1_swapped"), "010595f6ce072612464cf66af60cdcb16bbafa11"),
    "celeba80-n10-a": (_CELEBA.format("10"), "af4bf9fd75a9d339eeba560f0f6819df145beeb2"),
    "celeba80-n10-b": (_CELEBA.format("10_swapped"), "a106c04aab15385643b6ed5e43aec57c59797955"),
    "celeba80-n100-a": (_CELEBA.format("100"), "028e16ec7622a893e65b3ac93a0a08c6df2fb340"),
    "celeba80-n100-b": (_CELEBA.format("100_swapped"), "606d255767674d1b5a61000bfbbfa25aa5533656"),
    "celeba80-n1000-a": (_CELEBA.format("1000"), "1c08a8ee23eed06318c1f1827b7edb88976f82aa"),
    "celeba80-n1000-b": (_CELEBA.format("1000_swapped"), "0be7ababf5df59c4f5695dd5eed703f1759433ac"),
    "celeba80-n10000-a": (_CELEBA.format("10000"), "700c2c596e3c8c7c3e435c4f4986351d4fbc752b"),
    "celeba80-n10000-b": (_CELEBA.format("10000_swapped"), "7c9ffb84d2b7ad59e700e8c77100f45253866c1c"),
    "celeba80-n100000-a": (_CELEBA.format("99325"), "a64ea581a6fc7dda601a42b4c1db251b2eff9f26"),
    "celeba80-n100000-b": (_CELEBA.format("99325_swapped"), "ab5cfb26ef9a401fdc9372ecf69066052273da9d"),
}

# The group's BF-CNNs of 2021 (no licence is stated), trained on noise levels from 0 to 100 of 255.
EARLIER_ADDRESS = (
    "https://raw.githubusercontent.com/LabForComputationalVision/"
    "universal_inverse_problem/943b9ed99e35a4af86c36c413e2ca70ab320e8bc/"
)
_BFCNN = "denoisers/BF_CNN/{}/noise_range_0to100/model.pt"
EARLIER = {
    "bfcnn-bsd400-gray": (_BFCNN.format("BSD400_gray"), "ca1c33e6e6dc76d4f43f214d7f2036d07411fd07"),
    "bfcnn-mnist-gray": (_BFCNN.format("mnist_gray"), "ea450f0c02e88ab635c7157df33d7201829962e8"),
    "bfcnn-bsd300-color": (_BFCNN.format("BSD300_color"), "0b5d06ad600e5060cc13e552607efd34294e3480"),
}


def state(name: str) -> dict[str, Tensor]:
    """Weights for `gahr.zoo.published`: fetched if need be, verified, read without running code."""
    known = NETWORKS | EARLIER
    path, blob = known[check_known(name, known, "published network")]
    address = EARLIER_ADDRESS if name in EARLIER else ADDRESS
    instead = "set GAHR_CACHE to a folder that has the file already: the book does not carry it"
    file = _files.download(address + path, f"git:{blob}", instead)
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is not torch's, or not whole, can fail in any way
        raise ValueError(
            f"{name} was refused ({type(error).__name__}): {file} is not a file of tensors alone, and "
            "anything else in it could run code."
        ) from None
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()
    ):
        raise ValueError(f"{name} was refused: {file} holds no state dict (names and their tensors).")
    return found
