"""Make the three photographs in src/convolve/data/ from the pictures inside the scikit-image wheel.

Run it again only when a photograph is to change: ``python scripts/make_samples.py``. It needs scikit-image
(the extra ``peers``) and no network. The licence of each photograph stands beside it, as NAME.LICENSE.txt.
"""

from pathlib import Path

from PIL import Image

DATA = Path(__file__).resolve().parents[1] / "src" / "convolve" / "data"
SIDE = 512
JPEG_QUALITY = 90
"""The RGB photographs are JPEG: as PNG each would weigh more than all three do together."""


def main() -> None:
    """Write portrait.jpg, grey.png and medical.jpg."""
    import skimage  # an optional peer, needed by this script alone

    source = Path(skimage.__file__).parent / "data"
    DATA.mkdir(exist_ok=True)
    Image.open(source / "astronaut.png").save(DATA / "portrait.jpg", quality=JPEG_QUALITY, optimize=True)
    Image.open(source / "camera.png").save(DATA / "grey.png", optimize=True)
    retina = Image.open(source / "retina.jpg").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    retina.save(DATA / "medical.jpg", quality=JPEG_QUALITY, optimize=True)


if __name__ == "__main__":
    main()
