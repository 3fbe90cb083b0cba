"""What upstream's own MuseTalk makes of given frames, boxes, masks and speech: the pictures ours are compared with.

Runs the code of a MuseTalk checkout (https://github.com/TMElyralab/MuseTalk, tried with 0a89dec) in float32 on the CPU; none
of it is copied here. Differences to its scripts/realtime_inference.py: latents are the mode of the encoder's distribution
instead of a draw from it, and boxes and masks are given instead of found, so that both sides start from the same.

Run: pip install torch==2.13.0 diffusers==0.30.2 transformers==4.39.2 librosa einops opencv-python-headless==4.9.0.80 pillow;
python scripts/musetalk/reference.py --musetalk CHECKOUT --weights MODELS --frames DIR --boxes boxes.json --audio FILE.wav
    --masks DIR --out DIR [--version v15|v1] [--count N] [--batch N] [--threads N]

--weights  laid out as upstream's `models`: musetalkV15/unet.pth (v1: musetalk/pytorch_model.bin) and musetalk.json beside
           it, sd-vae/, whisper/.
--frames   pictures (png), in order of their names; the film plays to and fro as upstream's does.
--boxes    [[x1, y1, x2, y2], ...], one a frame, with the margin for the chin already in it.
--masks    mask_%05d.png, 8 bits, as large as the box: pastes inside the box only. With crop_boxes.json beside them
           ([[x1, y1, x2, y2], ...]) they are as large as that crop box, as upstream's are.
--out      gets recon_%05d.png (256x256) and final_%05d.png (the whole frame) for each frame of speech, latents.npy (one for
           each picture of --frames, 8x32x32), tokens.npy (each frame of speech, 50 x channels), report.json.
"""

import argparse
import json
import pathlib
import sys
import time
import types

import cv2
import numpy as np
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from transformers import WhisperModel


def stub_missing() -> None:
    """The VAE takes one thing from torchvision, its normalisation; torchvision is large and need not be here."""
    try:
        import torchvision.transforms  # noqa: F401
    except ImportError:
        class Normalize:
            def __init__(self, mean, std):
                self.mean, self.std = (torch.tensor(each).view(-1, 1, 1) for each in (mean, std))

            def __call__(self, picture):
                return (picture - self.mean) / self.std

        transforms = types.ModuleType("torchvision.transforms")
        transforms.Normalize = Normalize
        torchvision = types.ModuleType("torchvision")
        torchvision.transforms = transforms
        sys.modules.update({"torchvision": torchvision, "torchvision.transforms": transforms})


def use_mode() -> None:
    """Upstream's inference draws latents at random; its training uses the mode. A comparison needs the same ones twice."""
    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()


class Reference:
    """Upstream's parts, loaded as scripts/realtime_inference.py loads them, but in float32."""

    def __init__(self, options: argparse.Namespace):
        sys.path.insert(0, str(options.musetalk))
        from musetalk.models.unet import PositionalEncoding, UNet
        from musetalk.models.vae import VAE
        from musetalk.utils.audio_processor import AudioProcessor
        from musetalk.utils.blending import get_image_blending
        from musetalk.utils.utils import datagen

        self.datagen, self.blend = datagen, get_image_blending
        self.device = torch.device("cpu")
        weights = options.weights
        unet = weights / ("musetalkV15/unet.pth" if options.version == "v15" else "musetalk/pytorch_model.bin")
        self.vae = VAE(model_path=str(weights / "sd-vae"))
        self.vae.vae.to(self.device)
        self.vae.vae.eval()
        self.unet = UNet(unet_config=str(unet.parent / "musetalk.json"), model_path=str(unet), device=self.device)
        self.unet.model.eval()
        self.pe = PositionalEncoding(d_model=self.unet.model.config.cross_attention_dim)
        self.audio_processor = AudioProcessor(feature_extractor_path=str(weights / "whisper"))
        self.whisper = WhisperModel.from_pretrained(str(weights / "whisper")).to(self.device).eval()

    def hear(self, wav: pathlib.Path) -> torch.Tensor:
        """@returns tokens, [frames of speech, 50, channels], before the positions are added."""
        features, length = self.audio_processor.get_audio_feature(str(wav), weight_dtype=torch.float32)
        return self.audio_processor.get_whisper_chunk(
            features, self.device, torch.float32, self.whisper, length, fps=25,
            audio_padding_length_left=2, audio_padding_length_right=2,
        )

    def look(self, frame: np.ndarray, box: list) -> torch.Tensor:
        x1, y1, x2, y2 = box
        crop = cv2.resize(frame[y1:y2, x1:x2], (256, 256), interpolation=cv2.INTER_LANCZOS4)
        return self.vae.get_latents_for_unet(crop)

    def speak(self, tokens: torch.Tensor, latents: list, batch: int):
        """Yields the made faces, 256x256 BGR, one for each frame of speech."""
        timesteps = torch.tensor([0], device=self.device)
        for heard, seen in self.datagen(tokens, latents, batch, device=self.device):
            made = self.unet.model(seen, timesteps, encoder_hidden_states=self.pe(heard)).sample
            yield from self.vae.decode_latents(made)


def read_pictures(folder: pathlib.Path, pattern: str, flag: int) -> list:
    return [cv2.imread(str(path), flag) for path in sorted(folder.glob(pattern))]


def to_and_fro(items: list) -> list:
    return items + items[::-1]


@torch.no_grad()
def main(options: argparse.Namespace) -> dict:
    reference = Reference(options)
    frames = read_pictures(options.frames, "*.png", cv2.IMREAD_COLOR)
    boxes = json.loads(options.boxes.read_text())
    masks = read_pictures(options.masks, "mask_*.png", cv2.IMREAD_GRAYSCALE)
    crops = options.masks / "crop_boxes.json"
    crop_boxes = json.loads(crops.read_text()) if crops.exists() else boxes
    if not len(frames) == len(boxes) == len(masks) == len(crop_boxes) or not frames:
        raise SystemExit(f"{len(frames)} frames, {len(boxes)} boxes, {len(masks)} masks, {len(crop_boxes)} crop boxes")
    for index, (mask, (x1, y1, x2, y2)) in enumerate(zip(masks, crop_boxes)):
        if mask.shape != (y2 - y1, x2 - x1):
            raise SystemExit(f"mask_{index:05d}.png is {mask.shape[::-1]}, its box {(x2 - x1, y2 - y1)}")

    options.out.mkdir(parents=True, exist_ok=True)
    seconds = {}
    start = time.perf_counter()
    tokens = reference.hear(options.audio)[: options.count]
    seconds["hear"] = time.perf_counter() - start
    start = time.perf_counter()
    latents = [reference.look(frame, box) for frame, box in zip(frames, boxes)]
    seconds["lookPerFrame"] = (time.perf_counter() - start) / len(frames)
    np.save(options.out / "tokens.npy", tokens.numpy())
    np.save(options.out / "latents.npy", torch.cat(latents).numpy())

    films = [to_and_fro(each) for each in (frames, boxes, masks, crop_boxes)]
    clipped = []
    start = time.perf_counter()
    for index, face in enumerate(reference.speak(tokens, to_and_fro(latents), options.batch)):
        frame, box, mask, crop_box = (film[index % len(film)] for film in films)
        clipped.append(float(np.mean((face == 0) | (face == 255))))
        fitted = cv2.resize(face.astype(np.uint8), (box[2] - box[0], box[3] - box[1]))
        whole = reference.blend(frame.copy(), fitted, box, mask, crop_box)
        cv2.imwrite(str(options.out / f"recon_{index:05d}.png"), face)
        cv2.imwrite(str(options.out / f"final_{index:05d}.png"), whole)
        print(f"frame {index + 1} of {len(tokens)}, {time.perf_counter() - start:.1f} s", flush=True)
    seconds["speakPerFrame"] = (time.perf_counter() - start) / max(1, len(tokens))
    report = {"frames": len(tokens), "pictures": len(frames), "version": options.version, "seconds": seconds,
              "clippedShare": float(np.mean(clipped)) if clipped else 0.0, "torch": torch.__version__}
    (options.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("musetalk", "weights", "frames", "boxes", "audio", "masks", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--version", choices=("v15", "v1"), default="v15")
    parser.add_argument("--count", type=int, help="only so many frames of speech")
    parser.add_argument("--batch", type=int, default=1, help="frames of one pass (upstream: 20)")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    stub_missing()
    use_mode()
    print(json.dumps(main(given), indent=2))
