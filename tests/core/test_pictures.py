"""Files of pictures: what a viewer shows arrives, and what cannot be shown is named with the reason."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from gahr import images
from gahr.images import pictures


@pytest.fixture
def gray(rng):
    return rng.integers(0, 256, (16, 16), dtype=np.uint8)


def read(path, size=16, **options):
    return (255 * pictures.read_file(path, size, **options)).numpy()


def test_transparent_parts_are_white(tmp_path, gray):
    alpha = np.zeros((16, 16), np.uint8)
    alpha[:8] = 255
    alpha[8:10] = 128
    expected = np.where(alpha == 255, gray, 255).astype(float)
    expected[8:10] = 255 + (gray[8:10].astype(float) - 255) * 128 / 255
    Image.fromarray(np.dstack([gray, alpha])).save(tmp_path / "la.png")
    Image.fromarray(np.dstack([gray, gray, gray, alpha])).save(tmp_path / "rgba.png")
    for name in ("la.png", "rgba.png"):
        np.testing.assert_allclose(read(tmp_path / name)[0, 0], expected, atol=1.01)
        np.testing.assert_allclose(
            read(tmp_path / name, color=True)[0], expected[None].repeat(3, 0), atol=1.01
        )


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_one_transparent_color_is_white(tmp_path, mode):
    black = Image.new(mode, (16, 16), 0)
    if mode == "P":
        black.putpalette([0, 0, 0, 100, 100, 100])
    black.paste({"L": 100, "RGB": (100, 100, 100), "P": 1}[mode], (0, 0, 8, 16))
    black.save(tmp_path / "a.png", transparency=(0, 0, 0) if mode == "RGB" else 0)
    x = read(tmp_path / "a.png")[0, 0]
    np.testing.assert_allclose(x[:, :8], 100, atol=0.01)
    np.testing.assert_allclose(x[:, 8:], 255, atol=0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_says(tmp_path, gray, orientation):
    stored = {  # what EXIF's orientations mean: how the stored rows and columns come from the scene's
        1: gray,
        2: gray[:, ::-1],
        3: gray[::-1, ::-1],
        4: gray[::-1],
        5: gray.T,
        6: np.rot90(gray),
        7: gray[::-1, ::-1].T,
        8: np.rot90(gray, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_allclose(read(tmp_path / "a.png")[0, 0], gray, atol=0.01)


def test_palettes_and_black_and_white(tmp_path):
    image = Image.new("P", (16, 16), 0)
    image.putpalette([200, 200, 200, 10, 10, 10])
    image.paste(1, (0, 0, 16, 4))
    image.save(tmp_path / "palette.gif")
    np.testing.assert_allclose(read(tmp_path / "palette.gif")[0, 0, :, 0], [10] * 4 + [200] * 12, atol=0.01)
    Image.new("1", (16, 16), 1).save(tmp_path / "bits.png")
    assert (read(tmp_path / "bits.png") == 255).all()


def test_cmyk_and_lab_become_gray_by_their_meaning(tmp_path):
    Image.new("CMYK", (16, 16), (0, 0, 0, 255 - 60)).save(tmp_path / "ink.tif")
    np.testing.assert_allclose(read(tmp_path / "ink.tif"), 60, atol=0.01)
    Image.new("LAB", (16, 16), (128, 128, 128)).save(tmp_path / "lab.tif")
    # L* = 100 * 128 / 255: Y = ((L* + 16) / 116)^3, then sRGB's curve: 1.055 Y^(1/2.4) - 0.055
    light = ((100 * 128 / 255 + 16) / 116) ** 3
    np.testing.assert_allclose(
        read(tmp_path / "lab.tif"), 255 * (1.055 * light ** (1 / 2.4) - 0.055), atol=1.5
    )


def test_an_embedded_profile_counts_and_a_broken_one_does_not(tmp_path):
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for k, profile in enumerate((srgb, lab, linear, b"nothing like a profile")):
        Image.new("RGB", (16, 16), (90, 90, 90)).save(tmp_path / f"{k}.jpg", icc_profile=profile, quality=100)
        np.testing.assert_allclose(read(tmp_path / f"{k}.jpg"), 90, atol=1.01)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_scaled(tmp_path, name):
    deep = np.linspace(0, 65535, 256).reshape(16, 16).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / name)
    np.testing.assert_allclose(read(tmp_path / name)[0, 0] / 255, deep / 65535, atol=1e-6)


def test_sixteen_bits_where_zero_is_white(tmp_path):
    deep = np.linspace(0, 65535, 256).reshape(16, 16).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    at = data.index(struct.pack("<HHIH", 262, 3, 1, 1))  # photometric interpretation: black is zero
    data[at + 8 : at + 10] = struct.pack("<H", 0)
    (tmp_path / "a.tif").write_bytes(data)
    np.testing.assert_allclose(read(tmp_path / "a.tif")[0, 0] / 255, 1 - deep / 65535, atol=1e-6)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_what_does_not_say_what_white_is_is_refused(tmp_path, kind):
    Image.fromarray(np.ones((16, 16), kind)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a.tif has 32 bits a pixel, .* save it with 8 or 16"):
        pictures.read_file(tmp_path / "a.tif", 16)


@pytest.mark.parametrize("name", ["film.gif", "film.png", "film.webp", "pages.tif"])
def test_every_frame_and_page_arrives(tmp_path, name):
    frames = [Image.new("L", (16, 16), 50 * k) for k in range(4)]
    for k, frame in enumerate(frames):  # a mark, or a writer joins what is alike
        frame.putpixel((k, 0), 255)
    more = {"lossless": True} if name.endswith("webp") else {}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **more)
    x = read(tmp_path / name)
    assert x.shape == (4, 1, 16, 16)
    np.testing.assert_allclose(x[:, 0, 5, 5], [0, 50, 100, 150], atol=1.01)


def test_a_preview_and_a_camera_s_second_picture_are_no_pictures(tmp_path):
    one, two = Image.new("RGB", (32, 32), "white"), Image.new("RGB", (16, 16), "black")
    one.save(tmp_path / "a.mpo", save_all=True, append_images=[two])
    assert len(read(tmp_path / "a.mpo")) == 1
    preview = two.copy()
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    one.save(tmp_path / "a.tif", save_all=True, append_images=[preview], tiffinfo={254: 0})
    with Image.open(tmp_path / "a.tif") as stored:
        stored.seek(1)
        if stored.tag_v2[254] != 1:
            pytest.skip("this Pillow cannot write the mark of a preview")
    assert len(read(tmp_path / "a.tif")) == 1


def test_nothing_is_enlarged(tmp_path, gray):
    Image.fromarray(gray[:12]).save(tmp_path / "small.png")
    with pytest.raises(
        ValueError, match=r"small.png is 16x12, smaller than 13x13, .* a size of at most 12\."
    ):
        images.folder(tmp_path, 13)
    assert images.folder(tmp_path, 12).shape == (1, 1, 12, 12)


def test_color_keeps_its_channels(tmp_path):
    Image.new("RGB", (16, 16), (10, 120, 230)).save(tmp_path / "a.png")
    x = images.folder(tmp_path, 8, color=True)
    torch.testing.assert_close(x[0, :, 3, 3] * 255, torch.tensor([10.0, 120.0, 230.0]))
    assert images.folder(tmp_path, 8)[0, 0, 0, 0] * 255 == round(0.299 * 10 + 0.587 * 120 + 0.114 * 230)


def png(*chunks):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def header(width, height):
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)


def truncated_jpeg():
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(stream, "JPEG")
    return stream.getvalue()[:700]


BROKEN = {
    "empty.png": b"",
    "text.jpg": b"nothing like a jpg",
    "cut.jpg": truncated_jpeg(),
    "bomb.png": png(header(60_000, 60_000), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")),
    "short.png": png(header(16, 16), (b"IDAT", zlib.compress(bytes(40))), (b"IEND", b"")),
    "no data.png": png(header(16, 16), (b"IEND", b"")),
    "wrong zip.png": png(header(16, 16), (b"IDAT", b"no zlib stream at all"), (b"IEND", b"")),
    "chunk.png": png((b"IHDR", b"12"), (b"IEND", b"")),
    "sum.png": png(header(16, 16), (b"IDAT", zlib.compress(bytes(16 * 17)))).replace(
        b"IHDR\0\0\0\x10", b"IHDR\0\0\0\x11"
    ),
    "ztxt.png": png(
        header(16, 16),
        (b"zTXt", b"k\0\0" + zlib.compress(bytes(10**8))),
        (b"IDAT", zlib.compress(bytes(272))),
    ),
    "cut.gif": b"GIF89a\x10\x00\x10\x00\x80\x00\x00",
    "cut.tif": b"II*\x00\x08\x00\x00\x00\xff\xff",
    "cut.webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "cut.bmp": b"BM\x00\x00",
    "photo.heic": b"\x00\x00\x00\x18ftypheic",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_in_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(ValueError, match="cannot be read as a picture: ") as caught:
        images.folder(tmp_path, 8)
    said = str(caught.value)
    assert said.startswith(str(tmp_path / name)) and "\n" not in said and len(said) > len(name) + 30


def test_companions_and_other_files_are_passed_over(tmp_path, gray):
    (tmp_path / "sub" / "deeper").mkdir(parents=True)
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".hidden").mkdir()
    for k, name in enumerate(("b.png", "sub/a.png", "sub/deeper/c.PNG")):
        Image.fromarray(np.full_like(gray, 10 * k)).save(tmp_path / name)
    for name in ("._b.png", "__MACOSX/b.png", ".hidden/b.png", "notes.txt", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"no picture")
    x = images.folder(tmp_path, 16)
    assert (255 * x[:, 0, 0, 0]).round().tolist() == [0, 10, 20]


def test_unreadable_files_are_listed_and_skipped_on_request(tmp_path, gray):
    for name in ("a.png", "d.png"):
        Image.fromarray(gray).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"")
    Image.fromarray(gray[:9]).save(tmp_path / "c.png")
    with pytest.raises(
        ValueError, match=r"b.png cannot be read .* so it is with 2 of 4 files; skip=True".replace("so", "So")
    ):
        images.folder(tmp_path, 16)
    with pytest.warns(UserWarning, match=r"2 files were left out: .*b.png cannot .*; .*c.png is 16x9"):
        x = images.folder(tmp_path, 16, skip=True)
    assert len(x) == 2
    for name in ("a.png", "d.png"):
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        images.folder(tmp_path, 16, skip=True)


SOURCE = {"day/gray.png": (21, 27), "day/color.png": (16, 24, 3), "deep.tif": (16, 16)}


@pytest.fixture
def album(tmp_path, rng):
    """A folder of pictures, of 16 bits where the name says deep."""
    source = {}
    for name, shape in SOURCE.items():
        most, kind = (65_536, np.uint16) if "deep" in name else (256, np.uint8)
        source[name] = rng.integers(0, most, shape, dtype=kind)
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(source[name]).save(tmp_path / "all" / name)
    return source


def test_tiles_put_together_are_the_picture(tmp_path, album):
    assert images.tile(tmp_path / "all", tmp_path / "tiles", 8) == 2 * 3 + 2 * 3 + 2 * 2
    for name, pixels in album.items():
        height, width = (8 * (edge // 8) for edge in pixels.shape[:2])
        whole, stem = np.zeros_like(pixels[:height, :width]), name.rpartition("/")[2].partition(".")[0]
        for k in range(height * width // 64):
            top, left = (8 * at for at in divmod(k, width // 8))
            with Image.open(tmp_path / "tiles" / name / f"{stem}_{k}.png") as tile:
                whole[top : top + 8, left : left + 8] = np.asarray(tile)
        np.testing.assert_array_equal(whole, pixels[:height, :width])


@pytest.mark.parametrize(
    ("groups", "sizes"), [("file", [4, 6, 6]), (r"([a-z])[a-z]*\.[a-z]+$", [4, 6, 6]), ("folder", [])]
)
def test_tiles_are_split_as_their_pictures_are(tmp_path, album, groups, sizes):
    images.tile(tmp_path / "all", tmp_path / "tiles", 8)
    if not sizes:  # day, and what lies beside it
        with pytest.raises(ValueError, match="2 groups"):
            images.split(tmp_path / "tiles", groups=groups)
        return
    halves = images.split(tmp_path / "tiles", groups=groups)
    entries = {half: halves[half] for half in ("a", "b", "held-out")}
    assert sorted(map(len, entries.values())) == sizes
    assert all(len({entry.rpartition("/")[0] for entry in half}) == 1 for half in entries.values())


def test_pages_count_on(tmp_path, gray):
    pages = [Image.fromarray(page) for page in (gray, 255 - gray)]
    (tmp_path / "all").mkdir()
    pages[0].save(tmp_path / "all" / "a.tif", save_all=True, append_images=pages[1:])
    assert images.tile(tmp_path / "all", tmp_path / "tiles", 16) == 2
    assert np.asarray(Image.open(tmp_path / "tiles/a.tif/a_1.png")).tolist() == (255 - gray).tolist()


def test_a_profile_is_applied_once(tmp_path, rng):
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "all").mkdir()
    cmyk = Image.fromarray(rng.integers(0, 256, (16, 16, 4), dtype=np.uint8), "CMYK")
    cmyk.save(tmp_path / "all" / "a.tif", icc_profile=swapped)
    images.tile(tmp_path / "all", tmp_path / "tiles", 16)
    with Image.open(tmp_path / "tiles/a.tif/a_0.png") as tile:
        assert "icc_profile" not in tile.info
    expected = read(tmp_path / "all" / "a.tif", color=True)
    np.testing.assert_allclose(read(tmp_path / "tiles/a.tif/a_0.png", color=True), expected, atol=0.51)


@pytest.mark.parametrize("fault", ["small", "broken", "there", "inside", "again", "nowhere", "number"])
def test_tiles_are_made_whole_or_not_at_all(tmp_path, gray, fault):
    (tmp_path / "all").mkdir()
    Image.fromarray(gray).save(tmp_path / "all" / "a.png")
    to = {"inside": tmp_path / "all" / "tiles", "nowhere": tmp_path / "no" / "tiles", "number": 3}
    to = to.get(fault, tmp_path / "tiles")
    if fault == "small":
        Image.fromarray(gray[:5]).save(tmp_path / "all" / "b.png")
    elif fault == "broken":
        (tmp_path / "all" / "b.jpg").write_bytes(truncated_jpeg())
    elif fault == "there":
        to.mkdir()
    elif fault == "again":
        (tmp_path / "all" / pictures.TILES).write_text("{}")
    error, text = {
        "small": (pictures.Unreadable, r"b\.png has 16 x 5 pixels, fewer than a tile of side 8"),
        "broken": (pictures.Unreadable, r"b\.jpg cannot be read"),
        "there": (FileExistsError, "tiles exists; tiles are written into a new folder"),
        "inside": (ValueError, "tiles lies in"),
        "again": (ValueError, "holds tiles already"),
        "nowhere": (OSError, r"no.tiles cannot be written \(No such file"),
        "number": (TypeError, "to must be that of a folder; got 3"),
    }[fault]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=text):
        images.tile(tmp_path / "all", to, 8)
    assert sorted(tmp_path.rglob("*")) == before
