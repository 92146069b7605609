"""Inception v3 for those who download it: tried with random weights of its shape, and without network."""

import pickle

import numpy as np
import pytest

from helpers import downloads, features, inception


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    import torch
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save(inception_v3(weights=None, init_weights=False).state_dict(), path)
    return path


def test_features_are_those_before_the_classifier(weights):
    import torch
    from torch.nn import functional
    from torchvision.models import inception_v3

    images = np.random.default_rng(0).integers(0, 256, (2, 299, 299, 3), dtype=np.uint8)
    images[0] //= 8  # dark
    mine = features.inception_features(images, batch_size=2, weights=weights)
    assert mine.shape == (2, inception.FEATURES) and mine.dtype == np.float32
    # as torchvision's own pipeline feeds it: ImageNet's mean and deviation, undone by transform_input
    model = inception_v3(weights=None, init_weights=False, transform_input=True).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        logits = model((x - mean) / std)
        wanted = functional.linear(torch.from_numpy(mine), model.fc.weight, model.fc.bias)
    differences = logits - logits.mean(dim=0)  # with random weights, most of a logit is the same for all images
    np.testing.assert_allclose(logits, wanted, rtol=0, atol=0.02 * float(differences.abs().max()))


def test_bad_weights_are_refused_and_never_run(weights, tmp_path):
    import torch

    images = np.zeros((1, 32, 32, 3))
    with pytest.raises(ValueError, match="no file"):
        features.inception_features(images, weights=tmp_path / "none.pth")
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="doesn't hold the weights"):
        features.inception_features(images, weights=tmp_path / "other.pth")

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ValueError, match="doesn't hold the weights"):
        features.inception_features(images, weights=tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ValueError, match="shape"):
        features.inception_features(images[0], weights=weights)


def test_without_network_the_message_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(inception, "URL", "http://127.0.0.1:9/inception_v3_google-0cc3c7bd.pth")
    (tmp_path / "inception_v3_google-0cc3c7bd.pth").write_bytes(b"something else")
    with pytest.raises(downloads.DownloadError, match="by hand, or use features.efficientnet_features"):
        features.inception_features(np.zeros((1, 32, 32, 3)))
