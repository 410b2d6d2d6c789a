"""Photographs: near-duplicates, the two halves, and the places where images are found."""

import gzip
import hashlib
import io
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gahr import _files, images, zoo
from gahr.denoisers import Wiener, add_noise
from gahr.images import _files as _photographs
from gahr.images import photographs

# ------------------------------------------------------------------------------------------------
# Near-duplicates


def kept_by_brute_force(x, threshold=0.95):
    """The authors' rule, one pair at a time: 40x40 to 20x20 by 2x2 means, then correlation."""
    small = x.numpy()[:, 0].reshape(len(x), 20, 2, 20, 2).mean((2, 4)).reshape(len(x), -1)
    table = np.corrcoef(small)
    kept = []
    for i in range(len(x)):
        if all(table[i, j] <= threshold for j in kept):
            kept.append(i)
    return kept


@pytest.fixture(scope="module")
def planted():
    """Random images; some repeat an earlier one, brighter, fainter or slightly noisy."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, 1, 40, 40, generator=generator)
    for copy, original in {9: 8, 10: 3, 25: 24, 31: 10, 47: 3, 59: 0}.items():
        x[copy] = 0.1 + 0.5 * x[original] + 0.02 * torch.rand(1, 40, 40, generator=generator)
    x[50] = 1 - x[20]  # a negative is no duplicate
    return x


@pytest.mark.parametrize("block", [1, 5, 10, 24, 60, 2000])
def test_near_duplicates_are_those_of_brute_force(planted, block):
    kept = photographs.drop_near_duplicates(planted, block=block).tolist()
    assert kept == kept_by_brute_force(planted)
    assert kept == [i for i in range(60) if i not in (9, 10, 25, 31, 47, 59)]


def test_duplicates_of_textured_images_at_another_threshold(planted):
    smooth = torch.nn.functional.avg_pool2d(planted, 9, 1, 4)  # correlations of every size
    for threshold in (0.3, 0.6):
        kept = photographs.drop_near_duplicates(smooth, threshold, block=7).tolist()
        assert kept == kept_by_brute_force(smooth, threshold)
        assert len(kept) < 54


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize(("order", "kept"), [((0, 1, 2), [0, 2]), ((1, 0, 2), [0]), ((2, 1, 0), [0, 2])])
def test_in_a_chain_only_images_that_stay_remove_others(order, kept, block):
    # a - b and b - c are 15 degrees apart (cosine 0.966), a - c 30 degrees (0.866)
    generator = torch.Generator().manual_seed(1)
    white = torch.randn(400, 2, generator=generator, dtype=torch.float64)
    u, v = torch.linalg.qr(white - white.mean(0))[0].T
    angles = torch.deg2rad(torch.tensor([0.0, 15.0, 30.0], dtype=torch.float64))
    chain = (angles.cos()[:, None] * u + angles.sin()[:, None] * v).view(3, 1, 20, 20)
    assert photographs.drop_near_duplicates(chain[list(order)], block=block).tolist() == kept


def test_eight_bit_images_are_accepted():
    x = torch.randint(256, (5, 1, 20, 20), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert photographs.drop_near_duplicates(torch.cat([x, x[1:3]])).tolist() == [0, 1, 2, 3, 4]


# ------------------------------------------------------------------------------------------------
# Two halves


@pytest.mark.parametrize("name", photographs.CLASSES)
def test_halves_never_meet_and_small_sets_are_nested(name):
    most = photographs.capacity(name)
    a, b = (photographs.split_indices(name, most, half) for half in "ab")
    held_out = photographs.split_indices(name, photographs.HELD_OUT, "held-out")
    assert len(a) == len(b) == most and len(held_out) == 2000
    everyone = np.concatenate([a, b, held_out])
    assert len(np.unique(everyone)) == len(everyone)
    for n in (1, 10, 1000):
        assert set(photographs.split_indices(name, n, "a")) <= set(
            photographs.split_indices(name, 10 * n, "a")
        )
        assert set(photographs.split_indices(name, n, "b")) <= set(
            photographs.split_indices(name, 10 * n, "b")
        )
    assert np.array_equal(photographs.split_indices(name, 5, "a"), a[:5])
    assert np.array_equal(photographs.split_indices(name, 5, "b"), b[-5:])
    assert np.array_equal(photographs.split_indices(name, 5, "held-out"), held_out[:5])


def test_file_numbers_exist_in_their_class():
    clothes = photographs._order("fashion32")
    faces = photographs._order("faces40")
    assert clothes.min() >= 0 and clothes.max() < 70_000
    assert faces.min() >= 1 and faces.max() <= 202_599
    assert photographs.capacity("faces40") >= 13_000 and photographs.capacity("fashion32") >= 14_000


def test_the_order_is_shuffled():
    for name in photographs.CLASSES:
        order = photographs._order(name)
        assert abs(np.corrcoef(np.arange(len(order)), order)[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("fashion32", 10**6, "a"), ValueError, r"fashion32, a: n must be between 1 and \d+; got 1000000"),
        (("fashion32", 14_397, "b"), ValueError, "n must be between 1 and 14396; got 14397"),
        (("fashion32", 2001, "held-out"), ValueError, "held-out: n must be between 1 and 2000; got 2001"),
        (("faces40", 0, "a"), ValueError, "n must be between 1 and 13146; got 0"),
        (("fashion23", 10, "a"), KeyError, "did you mean 'fashion32'"),
        (("faces", 10, "a"), KeyError, "did you mean 'faces40'"),
        (("faces40", 10, "c"), KeyError, "unknown half 'c'"),
        (("faces40", 10, "heldout"), KeyError, "did you mean 'held-out'"),
    ],
)
def test_impossible_splits_are_refused(arguments, error, sentence):
    for function in (photographs.split_indices, images.load):
        with pytest.raises(error, match=sentence):
            function(*arguments)


def test_held_out_images_and_both_halves_are_alike():
    # the same mean brightness and spread, within four standard errors
    held_out, a, b = (images.load("fashion32", 1000, half).flatten(1) for half in ("held-out", "a", "b"))
    for fact in (lambda x: x.mean(1), lambda x: (x - a.mean(0)).square().sum(1)):
        for one, two in ((held_out, a), (held_out, b), (a, b)):
            error = math.sqrt((fact(one).var() + fact(two).var()).item() / 1000)
            assert (fact(one).mean() - fact(two).mean()).abs() < 4 * error


# ------------------------------------------------------------------------------------------------
# Clothes


def test_the_stored_clothes_need_neither_network_nor_folder(monkeypatch):
    monkeypatch.setenv("GAHR_FASHION", "/nowhere")
    x = images.load("fashion32", 1000, "held-out")
    assert x.shape == (1000, 1, 32, 32) and x.dtype == torch.float32
    assert x.min() == 0 and x.max() == 1
    border = torch.ones(32, 32, dtype=torch.bool)
    border[2:-2, 2:-2] = False
    assert (x[..., border] == 0).all()  # padded by two on every side
    assert (x[..., 2:-2, 2:-2] > 0).float().mean() > 0.3


def test_stored_clothes_are_in_the_order_asked_for():
    numbers = photographs.split_indices("fashion32", 6, "b")
    x = photographs.read("fashion32", numbers)
    assert torch.equal(photographs.read("fashion32", numbers[::-1].copy()), x.flip(0))
    assert torch.equal(photographs.read("fashion32", numbers[3:4]), x[3:4])


def test_stored_clothes_hold_no_near_duplicates():
    x = images.load("fashion32", 1000, "a")[..., 2:-2, 2:-2]
    assert len(photographs.drop_near_duplicates(x)) == 1000


def test_stored_clothes_equal_the_system_package_s():
    if not _photographs._FASHION_PACKAGE.is_dir():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    pixels = _photographs.fashion_pixels()
    assert pixels.shape == (70_000, 28, 28) and pixels.dtype == np.uint8
    with np.load(_files.fetch("images/fashion32-subset.npz")) as stored:
        assert np.array_equal(pixels[stored["numbers"]], stored["images"])


@pytest.fixture
def clothes_folder(tmp_path, monkeypatch):
    """Small files laid out like Fashion-MNIST's; returns the folder and the images inside."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (7, 28, 28), dtype=np.uint8)
    for file, part in zip(_photographs._FASHION_FILES, (pixels[:4], pixels[4:]), strict=True):
        header = np.array([2051, len(part), 28, 28], ">i4").tobytes()
        (tmp_path / file).write_bytes(gzip.compress(header + part.tobytes()))
    monkeypatch.setenv("GAHR_FASHION", str(tmp_path))
    return tmp_path, pixels


def test_clothes_are_read_from_the_reader_s_folder(clothes_folder, monkeypatch):
    folder, pixels = clothes_folder
    contents = {
        file: ("-", hashlib.sha256(gzip.decompress((folder / file).read_bytes())).hexdigest())
        for file in _photographs._FASHION_FILES
    }
    monkeypatch.setattr(_photographs, "_FASHION_FILES", contents)
    assert np.array_equal(_photographs.fashion_pixels(), pixels)


def test_other_pictures_under_fashion_s_names_are_refused(clothes_folder):
    with pytest.raises(ValueError, match="train-images.* does not hold Fashion-MNIST's images; remove it"):
        _photographs.fashion_pixels()


def test_broken_and_missing_clothes(clothes_folder):
    folder, _ = clothes_folder
    file = folder / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match="train-images.* is not a complete gzip file .*; remove it"):
        _photographs.fashion_pixels()
    file.write_text("not gzip")
    with pytest.raises(ValueError, match="is not a complete gzip file"):
        _photographs.fashion_pixels()
    file.unlink()
    with pytest.raises(FileNotFoundError, match="GAHR_FASHION is .* has no train-images"):
        _photographs.fashion_pixels()


def test_without_a_network_clothes_outside_the_subset_say_so(monkeypatch, tmp_path, offline):
    monkeypatch.setattr(_photographs, "_FASHION_PACKAGE", tmp_path)
    monkeypatch.setattr(_photographs, "_FASHION_URL", offline)
    monkeypatch.setenv("GAHR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ConnectionError, match=r"could not fetch http.*train-images"):
        images.load("fashion32", 5000, "a")


@pytest.mark.parametrize("numbers", [[-1], [], [[1, 2]], [0.5]])
def test_bad_file_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match="one-dimensional array of file numbers"):
        photographs.read("fashion32", np.array(numbers))


def test_a_file_number_too_large_is_refused():
    with pytest.raises(ValueError, match="fashion32 has files 0 to 69999; got 70000"):
        photographs.read("fashion32", np.array([70_000]))


# ------------------------------------------------------------------------------------------------
# Faces: made-up pictures in CelebA's format


@pytest.fixture(scope="module")
def pictures():
    """Colored 218x178 jpgs by name; no face."""
    found = {}
    for number in (1, 2, 30):
        pixels = np.random.default_rng(number).integers(0, 256, (218, 178, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=95)
        found[f"{number:06d}.jpg"] = stream.getvalue()
    return found


def shrink_by_hand(jpg):
    """Mean of the colors, rows 29 to 188 and columns 9 to 168, bicubic to a quarter."""
    gray = np.asarray(Image.open(io.BytesIO(jpg)), float).mean(2)[29:189, 9:169]
    t = (np.arange(160) + 0.5)[None, :] - 4 * (np.arange(40) + 0.5)[:, None]
    t = np.abs(t / 4)
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2  # Keys, a = -1/2
    weights = np.where(t < 1, near, np.where(t < 2, far, 0))
    weights /= weights.sum(1, keepdims=True)
    return np.clip(np.round(weights @ gray @ weights.T), 0, 255)


def as_folder(pictures, root):
    for name, jpg in pictures.items():
        (root / name).write_bytes(jpg)
    return root


def as_parent_folder(pictures, root):
    (root / "img_align_celeba").mkdir()
    as_folder(pictures, root / "img_align_celeba")
    return root


def as_zip(pictures, root):
    with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as archive:
        for name, jpg in pictures.items():
            archive.writestr(f"img_align_celeba/{name}", jpg)
    return root / "img_align_celeba.zip"


@pytest.mark.parametrize("pack", [as_folder, as_parent_folder, as_zip])
def test_faces_are_cropped_as_the_authors_do(pictures, tmp_path, monkeypatch, pack):
    monkeypatch.setenv("GAHR_CELEBA", str(pack(pictures, tmp_path)))
    x = photographs.read("faces40", np.array([30, 1]))
    assert x.shape == (2, 1, 40, 40) and x.dtype == torch.float32
    for found, name in zip(x, ("000030.jpg", "000001.jpg"), strict=True):
        difference = np.abs(255 * found[0].numpy() - shrink_by_hand(pictures[name]))
        assert difference.max() <= 1.01  # a tie may round either way
        assert (difference > 0.01).mean() < 0.01


def test_faces_from_an_npz_are_found_by_number(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint8)
    np.savez(tmp_path / "faces.npz", images=pixels, ids=np.array([7, 3, 202_599]))
    monkeypatch.setenv("GAHR_CELEBA", str(tmp_path / "faces.npz"))
    x = photographs.read("faces40", np.array([202_599, 7]))
    assert np.array_equal((255 * x[:, 0].numpy()).round(), pixels[[2, 0]])
    with pytest.raises(FileNotFoundError, match="lacks 2 files, the first 000001.jpg"):
        photographs.read("faces40", np.array([3, 1, 2]))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"images": np.full((2, 40, 40), 0.5), "ids": np.arange(2)},
            r"must be uint8 .* float64 \(2, 40, 40\)",
        ),
        (
            {"images": np.zeros((2, 80, 80), np.uint8), "ids": np.arange(2)},
            r"they are uint8 \(2, 80, 80\)",
        ),
        ({"images": np.zeros((2, 40, 40), np.uint8), "ids": np.arange(3)}, r"with ids \(3,\)"),
        ({"images": np.zeros((2, 40, 40), np.uint8)}, "no .npz with 'images' and 'ids': ids is not a file"),
        ({"images": np.array([{}]), "ids": np.arange(1)}, "no .npz with 'images' and 'ids'"),
    ],
)
def test_an_npz_of_other_pictures_is_refused(tmp_path, monkeypatch, arrays, sentence):
    np.savez(tmp_path / "faces.npz", **arrays)
    monkeypatch.setenv("GAHR_CELEBA", str(tmp_path / "faces.npz"))
    with pytest.raises(ValueError, match=sentence) as caught:
        photographs.read("faces40", np.array([1]))
    assert str(tmp_path / "faces.npz") in str(caught.value) and "\n" not in str(caught.value)
    (tmp_path / "faces.npz").write_bytes(b"PK, and no zip")
    with pytest.raises(ValueError, match="no .npz with"):
        photographs.read("faces40", np.array([1]))


def test_the_reader_s_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "faces.npz", images=np.full((1, 40, 40), 51, np.uint8), ids=np.array([7]))
    monkeypatch.setenv("GAHR_CELEBA", "~/faces.npz")
    assert (photographs.read("faces40", np.array([7])) == 0.2).all()
    monkeypatch.setenv("GAHR_FASHION", "~/clothes")
    with pytest.raises(FileNotFoundError, match=f"GAHR_FASHION is {tmp_path}/clothes, which has no"):
        images.load("fashion32", 5000, "a")
    monkeypatch.setenv("GAHR_CACHE", "~/cache")
    assert _files.cache() == tmp_path / "cache"
    monkeypatch.setenv("GAHR_RUNS", "~/runs")
    with pytest.raises(FileNotFoundError, match=f"there is no {tmp_path}/runs/lost/lost.safetensors"):
        zoo.load_run("lost")


def test_without_celeba_the_message_says_what_to_set():
    with pytest.raises(FileNotFoundError, match="faces40 needs a copy of CelebA.* set GAHR_CELEBA"):
        images.load("faces40", 10, "a")


@pytest.mark.parametrize(("pack", "sentence"), [(as_folder, "has no 000005"), (as_zip, "holds no 000005")])
def test_a_missing_face_is_named(pictures, tmp_path, monkeypatch, pack, sentence):
    monkeypatch.setenv("GAHR_CELEBA", str(pack(pictures, tmp_path)))
    with pytest.raises(FileNotFoundError, match=sentence):
        photographs.read("faces40", np.array([1, 5]))


def test_pictures_that_are_not_aligned_celeba_are_refused(tmp_path, monkeypatch):
    Image.new("RGB", (160, 160)).save(tmp_path / "000001.jpg")
    (tmp_path / "000002.jpg").write_text("nothing like a jpg")
    monkeypatch.setenv("GAHR_CELEBA", str(tmp_path))
    with pytest.raises(ValueError, match="picture is 218x178; 000001.jpg is 160x160"):
        photographs.read("faces40", np.array([1]))
    with pytest.raises(ValueError, match="000002.jpg cannot be read as a picture"):
        photographs.read("faces40", np.array([2]))
    (tmp_path / "broken.zip").write_text("no zip")
    monkeypatch.setenv("GAHR_CELEBA", str(tmp_path / "broken.zip"))
    with pytest.raises(FileNotFoundError, match="not a complete zip"):
        photographs.read("faces40", np.array([1]))


# ------------------------------------------------------------------------------------------------
# Any folder, the portrait, the covariances


def test_a_folder_s_pictures_are_cut_to_their_center(tmp_path):
    wide = np.random.default_rng(0).integers(0, 256, (16, 26), dtype=np.uint8)
    tall = np.random.default_rng(1).integers(0, 256, (20, 16), dtype=np.uint8)
    Image.fromarray(wide).save(tmp_path / "b.png")
    Image.fromarray(tall).save(tmp_path / "a.PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    x = images.folder(tmp_path, size=16)
    assert x.shape == (2, 1, 16, 16) and x.dtype == torch.float32
    np.testing.assert_array_equal((255 * x[0, 0].numpy()).round(), tall[2:18])
    np.testing.assert_array_equal((255 * x[1, 0].numpy()).round(), wide[:, 5:21])
    assert images.folder(str(tmp_path), 12).shape == (2, 1, 12, 12)


def test_folders_without_usable_pictures(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FileNotFoundError, match="is not a folder with pictures"):
            images.folder(path)
    (tmp_path / "bad.jpg").write_text("nothing like a jpg")
    with pytest.raises(ValueError, match="bad.jpg cannot be read as a picture"):
        images.folder(tmp_path)


def test_the_portrait_is_one_gray_face():
    x = photographs.portrait()
    assert x.shape == (1, 1, 40, 40) and 0 <= x.min() < 0.2 and 0.8 < x.max() <= 1
    half = photographs.portrait(20)
    torch.testing.assert_close(half, torch.nn.functional.avg_pool2d(x, 2))


@pytest.mark.parametrize(("name", "size"), [("fashion32", 32), ("faces40", 40)])
def test_stored_covariances_are_eigenbases(name, size):
    mean, values, vectors, rest = photographs.covariance(name)
    assert mean.shape == (1, 1, size, size) and vectors.shape == (len(values), size**2)
    assert (values.diff() <= 0).all() and values[-1] >= 0.5 * rest > 0
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(len(values)), atol=2e-3, rtol=0)


def test_the_stored_covariance_is_that_of_the_clothes():
    mean, values, vectors, rest = photographs.covariance("fashion32")
    x = images.load("fashion32", 1000, "a")
    # Gaussian sampling error of a variance from 1,000 images is 4.5 %; clothes are no Gaussian
    along = ((x - mean).flatten(1) @ vectors[:10].T).square().mean(0)
    torch.testing.assert_close(along, values[:10], rtol=0.2, atol=0)
    total = (x - mean).square().flatten(1).sum(1).mean().item()
    assert values.sum().item() + rest * (1024 - len(values)) == pytest.approx(total, rel=0.05)
    f = Wiener(mean, values, vectors, rest)
    y = add_noise(x, 0.2)
    assert (f(y, 0.2) - x).square().mean() < 0.25 * 0.2**2


def test_unknown_covariance():
    with pytest.raises(KeyError, match="did you mean 'faces40'"):
        photographs.covariance("face40")


def test_no_celeba_picture_is_in_the_data():
    for path in (Path(__file__).parent.parent.parent / "data").rglob("*faces40*.npz"):
        with np.load(path) as stored:
            assert "images" not in stored.files


def test_pictures_are_shrunk_without_aliasing(tmp_path):
    fine = (np.indices((32, 32)).sum(0) % 2 * 255).astype(np.uint8)  # a checkerboard: shrunk, it is gray
    Image.fromarray(fine).save(tmp_path / "a.png")
    x = images.folder(tmp_path, size=8)
    assert (x[..., 1:-1, 1:-1] - 0.5).abs().max() < 0.02
