"""The networks of style transfer: right maps, gradients and weights in both tracks, clear about bad files and pictures."""

import hashlib
import http.server
import threading

import numpy as np
import pytest

from helpers import downloads, feature_networks, features, style_networks, vgg

FRAMEWORKS = tuple(feature_networks.FRAMEWORKS)
STAGES = ("stem", *(f"stage {number}" for number in range(1, 8)))


def picture(side=48, width=None, seed=0):
    return np.random.default_rng(seed).random((1, side, width or side, 3), dtype=np.float32)


def as_tensor(image, framework):
    """The picture as the framework's tensor, and the way back to NumPy (N, H, W, C)."""
    if framework == "pytorch":
        import torch

        return torch.from_numpy(image).permute(0, 3, 1, 2), lambda x: x.detach().permute(0, 2, 3, 1).numpy()
    import tensorflow as tf

    return tf.constant(image), lambda x: x.numpy()


def maps_of(net, image, names):
    x, back = as_tensor(image, net.framework)
    return [back(found) for found in net(x, names)]


def gradient(net, image, names):
    """Of the sum of the maps' weighted means, with respect to the picture."""
    x, back = as_tensor(image, net.framework)
    scales = range(1, len(names) + 1)
    if net.framework == "pytorch":
        x.requires_grad_()
        sum(k * (found**2).mean() for k, found in zip(scales, net(x, names), strict=True)).backward()
        return back(x.grad)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = sum(k * tf.reduce_mean(found**2) for k, found in zip(scales, net(x, names), strict=True))
    return back(tape.gradient(loss, x))


def near(mine, wanted, within=1e-4):
    assert mine.shape == wanted.shape
    assert np.abs(mine - wanted).max() <= within * np.abs(wanted).max()


@pytest.fixture(scope="module")
def arrays():
    """Random weights of VGG-19, in Keras' order (blue first), that keep signals at their size."""
    rng = np.random.default_rng(0)
    return [
        (
            rng.standard_normal((3, 3, conv.inputs, conv.channels), dtype=np.float32) * (2 / 9 / conv.inputs) ** 0.5,
            rng.standard_normal(conv.channels, dtype=np.float32),
        )
        for conv in vgg.CONVOLUTIONS
    ]


@pytest.fixture(scope="module")
def weights(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "weights.h5"
    write(path, {conv.group: pair for conv, pair in zip(vgg.CONVOLUTIONS, arrays, strict=True)})
    return path


def write(path, groups):
    """A file as Keras writes it."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in groups]
        for name, pair in groups.items():
            names = [f"{name}_W_1:0", f"{name}_b_1:0"]
            group = file.create_group(name)
            group.attrs["weight_names"] = [part.encode() for part in names]
            for part, array in zip(names, pair, strict=True):
                group[part] = array


# --- EfficientNet-Lite0


def test_layers_are_those_of_the_table():
    net = style_networks.load(framework="pytorch")
    assert tuple(layer.name for layer in net.layers) == STAGES and net.name == "efficientnet-lite0"
    assert [layer.stride for layer in net.layers] == [2, 2, 4, 8, 16, 16, 32, 32]
    image = picture(65, 50)
    for layer, found in zip(net.layers, maps_of(net, image, STAGES), strict=True):
        assert found.shape == (1, -(-65 // layer.stride), -(-50 // layer.stride), layer.channels)
        assert found.dtype == np.float32


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_maps_are_those_of_features(framework):
    image = picture(40, 51)
    net = style_networks.load(framework=framework)
    wanted = features.efficientnet_maps(image, framework="pytorch")
    for mine, theirs in zip(maps_of(net, image, [STAGES[i] for i in (0, 1, 2, 3, 5)]), wanted, strict=True):
        near(mine, theirs)


def test_the_last_map_leads_to_the_features():
    image = picture(64)
    last = maps_of(style_networks.load(framework="pytorch"), image, ["stage 7"])[0]
    weights = feature_networks.installed_arrays()
    head = last @ weights["_conv_head.weight"][:, :, 0, 0].T + weights["_conv_head.bias"]
    wanted = features.efficientnet_features(image, side=64, framework="pytorch")
    np.testing.assert_allclose(head.clip(0, 6).mean(axis=(1, 2)), wanted, atol=1e-4)


def test_both_frameworks_give_the_same_maps_and_gradients():
    image = picture(45, 67)
    torch_net, tf_net = (style_networks.load(framework=framework) for framework in FRAMEWORKS)
    for mine, theirs in zip(maps_of(torch_net, image, STAGES), maps_of(tf_net, image, STAGES), strict=True):
        near(mine, theirs)
    near(gradient(torch_net, image, STAGES), gradient(tf_net, image, STAGES), within=1e-3)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_gradient_is_that_of_small_steps(framework):
    net, image, names = style_networks.load(framework=framework), picture(33), ("stage 1", "stage 4")
    direction = gradient(net, image, names)
    direction /= np.sqrt((direction**2).sum())

    def loss(x):
        pair = zip((1, 2), maps_of(net, x, names), strict=True)
        return sum(k * float((found.astype(np.float64) ** 2).mean()) for k, found in pair)

    step = 0.005 * direction
    slope = (loss(image + step) - loss(image - step)) / (2 * 0.005)
    assert slope == pytest.approx(float((gradient(net, image, names) * direction).sum()), rel=0.03)


def test_a_look_without_gradients_leaves_room_for_gradients_later():
    """Weights that are first touched under inference_mode must not refuse a gradient afterwards."""
    import torch

    feature_networks.torch_maps.cache_clear()
    style_networks._efficientnet.cache_clear()
    net, image = style_networks.load(framework="pytorch"), picture(33)
    with torch.inference_mode():
        net(as_tensor(image, "pytorch")[0], ["stage 2"])
    assert np.abs(gradient(net, image, ["stage 2"])).max() > 0


def test_maps_keep_their_values_when_more_is_asked_for():
    """Nothing that is kept is overwritten by later layers; the order is the one asked for."""
    image = picture(40)
    net = style_networks.load(framework="pytorch")
    together = maps_of(net, image, ["stage 5", "stem", "stage 5"])
    for mine, name in zip(together, ["stage 5", "stem", "stage 5"], strict=True):
        near(mine, maps_of(net, image, [name])[0], within=1e-6)


def test_it_runs_no_farther_than_needed(monkeypatch):
    asked = []
    through = feature_networks._through
    monkeypatch.setattr(
        feature_networks, "_through", lambda x, conv, ends: (asked.append(ends), through(x, conv, ends))[1]
    )
    seen = maps_of(style_networks.load(framework="pytorch"), picture(33), ["stage 1", "stem"])
    assert asked == [(0, 2)] and [found.shape[-1] for found in seen] == [16, 32]


def test_it_works_in_a_compiled_function():
    import tensorflow as tf

    feature_networks.tensorflow_maps.cache_clear()
    style_networks._efficientnet.cache_clear()

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])
    def compiled(x):
        return style_networks.load(framework="tensorflow")(x, ["stem", "stage 3"])

    net, image = style_networks.load(framework="pytorch"), picture(41)
    for mine, theirs in zip(compiled(tf.constant(image)), maps_of(net, image, ["stem", "stage 3"]), strict=True):
        near(mine.numpy(), theirs)
    outside = style_networks.load(framework="tensorflow")  # built while a function was traced, used outside of it
    near(maps_of(outside, image, ["stem"])[0], maps_of(net, image, ["stem"])[0])


def test_names_and_sizes_are_checked():
    net = style_networks.load(framework="pytorch")
    x = as_tensor(picture(48), "pytorch")[0]
    with pytest.raises(ValueError, match="no layer 'stage 8'; its layers are: stem, stage 1"):
        net(x, ["stem", "stage 8"])
    with pytest.raises(ValueError, match="was asked for no layer"):
        net(x, [])
    with pytest.raises(ValueError, match="no network 'vgg16'"):
        style_networks.load("vgg16")
    with pytest.raises(ValueError, match="framework is 'jax'"):
        style_networks.load(framework="jax")
    with pytest.raises(ValueError, match="for vgg19 only"):
        style_networks.load(pooling="average")
    with pytest.raises(ValueError, match=r"shape \(N, 3, H, W\), not \(1, 48, 48, 3\)"):
        net(x.permute(0, 2, 3, 1), ["stem"])
    with pytest.raises(ValueError, match=r"\(N, H, W, 3\)"):
        style_networks.load(framework="tensorflow")(np.zeros((48, 48, 3), np.float32), ["stem"])


@pytest.mark.parametrize(("names", "least"), [(["stem"], 3), (["stem", "stage 5"], 17), (["stage 7", "stem"], 33)])
def test_the_least_side_is_the_one_that_gives_2x2(names, least):
    net = style_networks.load(framework="pytorch")
    assert net.smallest(names) == least
    net.check(least, 500, names)
    assert min(size for found in maps_of(net, picture(least), names) for size in found.shape[1:3]) == 2
    with pytest.raises(ValueError, match=f"a picture of {least - 1}×500 is too small.*at least {least} pixels"):
        net.check(least - 1, 500, names)
    with pytest.raises(ValueError, match="too small"):
        maps_of(net, picture(40, least - 1), names)


def test_weights_follow_the_picture_to_its_device(weights):
    """Tried with PyTorch's device without memory, which every machine has; then on the CPU again."""
    import torch

    for net in (style_networks.load(framework="pytorch"), style_networks.load("vgg19", "pytorch", weights)):
        names = [layer.name for layer in net.layers[:3]]
        found = net(torch.zeros(1, 3, 40, 48, device="meta"), names)
        assert [x.device.type for x in found] == ["meta"] * 3
        assert [x.shape[1] for x in found] == [layer.channels for layer in net.layers[:3]]
        assert np.isfinite(maps_of(net, picture(40), names)[2]).all()


# --- VGG-19


def test_vgg_is_that_of_torchvision(arrays, weights):
    import torch
    from torchvision.models import vgg19

    with torch.device("meta"):  # no memory for its classifier
        model = vgg19(weights=None, init_weights=False).features
    model = model.to_empty(device="cpu")
    kernels = iter(arrays)
    with torch.no_grad():
        for module in model:
            if isinstance(module, torch.nn.Conv2d):
                kernel, bias = next(kernels)
                kernel = kernel[:, :, ::-1] if kernel.shape[2] == 3 else kernel
                module.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
                module.bias.copy_(torch.from_numpy(bias))
        image = picture(32, 40)
        x, wanted = torch.from_numpy(255 * image - np.array(vgg.MEAN, np.float32)).permute(0, 3, 1, 2), []
        for module in model:
            x = module(x)
            if isinstance(module, torch.nn.ReLU):
                wanted.append(x.permute(0, 2, 3, 1).numpy())
    net = style_networks.load("vgg19", framework="pytorch", weights=weights)
    names = [layer.name for layer in net.layers]
    assert len(names) == len(wanted) == 16 and names[0] == "conv1_1" and names[-1] == "conv5_4"
    for layer, mine, theirs in zip(net.layers, maps_of(net, image, names), wanted, strict=True):
        near(mine, theirs)
        assert mine.shape[1:] == (32 // layer.stride, 40 // layer.stride, layer.channels)


def test_vgg_is_that_of_keras_and_both_frameworks_agree(weights):
    import keras

    image = picture(32)
    model = keras.applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3))
    model.load_weights(weights)  # Keras reads the same file
    layers = [model.get_layer(conv.group).output for conv in vgg.CONVOLUTIONS]
    pixels = keras.applications.vgg19.preprocess_input(255 * image)
    wanted = [np.asarray(found) for found in keras.Model(model.input, layers)(pixels)]
    nets = [style_networks.load("vgg19", framework=framework, weights=weights) for framework in FRAMEWORKS]
    names = [conv.name for conv in vgg.CONVOLUTIONS]
    for net in nets:
        for mine, theirs in zip(maps_of(net, image, names), wanted, strict=True):
            near(mine, theirs)
    near(*(gradient(net, image, ["conv1_1", "conv4_2"]) for net in nets), within=1e-3)


def test_pooling_can_be_average(weights):
    image = picture(32)
    means, maxima = (
        [style_networks.load("vgg19", framework, weights, pooling) for framework in FRAMEWORKS]
        for pooling in ("average", "max")
    )
    near(*(maps_of(net, image, ["conv3_1"])[0] for net in means))
    first = maps_of(means[0], image, ["conv1_2"])[0]
    near(first, maps_of(maxima[0], image, ["conv1_2"])[0])
    kernel, bias = vgg.read_weights(weights)[2]
    pooled = first.reshape(1, 16, 2, 16, 2, 64).mean(axis=(2, 4))
    wanted = np.einsum("hwc,hwck->k", pooled[0, 3:6, 5:8].astype(np.float64), kernel) + bias
    np.testing.assert_allclose(maps_of(means[0], image, ["conv2_1"])[0][0, 4, 6], wanted.clip(0), rtol=1e-3, atol=1e-2)
    assert np.abs(maps_of(means[0], image, ["conv2_1"])[0] - maps_of(maxima[0], image, ["conv2_1"])[0]).max() > 1
    with pytest.raises(ValueError, match="pooling is 'sum'"):
        style_networks.load("vgg19", weights=weights, pooling="sum")


def test_vgg_names_pictures_that_are_too_small(weights):
    net = style_networks.load("vgg19", framework="pytorch", weights=weights)
    assert net.smallest(["conv1_1"]) == 2 and net.smallest(["conv3_1", "conv5_4"]) == 32
    with pytest.raises(ValueError, match="31×31 is too small for layer 'conv5_1' of vgg19: it needs at least 32"):
        maps_of(net, picture(31), ["conv5_1"])


def test_bad_files_of_weights_are_named(weights, arrays, tmp_path):
    def read(path):
        return style_networks.load("vgg19", framework="pytorch", weights=path)

    path = tmp_path / "bad.h5"
    with pytest.raises(ValueError, match="there is no file"):
        read(path)
    for content in (b"", b"no HDF5 at all", weights.read_bytes()[:1_000_000]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="doesn't hold the weights of VGG-19"):
            read(path)
    first = dict(zip((conv.group for conv in vgg.CONVOLUTIONS), arrays, strict=True))
    broken = {
        "block1_conv2 holds arrays of": {**first, "block1_conv2": (np.zeros((3, 3, 64, 32)), np.zeros(32))},
        "block1_conv1 holds weights that are NaN": {**first, "block1_conv1": (arrays[0][0] * np.nan, arrays[0][1])},
        "doesn't hold the weights.*block1_conv1": {"conv2d": arrays[0]},
    }
    for message, groups in broken.items():
        write(path, dict(list(groups.items())[:2]))
        with pytest.raises(ValueError, match=message):
            read(path)


def test_without_network_the_message_says_what_to_do(own_cache, monkeypatch):
    monkeypatch.setattr(vgg, "URLS", ("http://127.0.0.1:9/vgg19.h5",))
    own_cache.mkdir()
    (own_cache / vgg.FILE).write_bytes(b"half a file")
    with pytest.raises(downloads.DownloadError, match="(?s)127.0.0.1:9.*80 MB.*weights=.*efficientnet-lite0"):
        style_networks.load("vgg19", framework="pytorch")
    assert not list(own_cache.iterdir())  # the damaged file is gone too


def test_a_download_is_checked_and_kept(own_cache, monkeypatch):
    served = [b"x" * 3000]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(served[0])))
            self.end_headers()
            self.wfile.write(served[0])

        def log_message(self, *_):
            pass

    content = b"the published file" * 100
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(vgg, "URLS", (f"http://127.0.0.1:{server.server_port}/vgg19.h5",))
        monkeypatch.setattr(vgg, "SIZE", 3000)
        with pytest.raises(downloads.DownloadError, match=r"wrong content \(MD5"):
            vgg.weights_file()
        assert not list(own_cache.iterdir())
        served[0] = content
        monkeypatch.setattr(vgg, "SIZE", len(content))
        monkeypatch.setattr(vgg, "MD5", hashlib.md5(content).hexdigest())
        assert vgg.weights_file().read_bytes() == content
        server.shutdown()
    assert vgg.weights_file().read_bytes() == content  # kept: no server needed
    assert [path.name for path in own_cache.iterdir()] == [vgg.FILE]


def test_the_published_digest_is_the_one_that_keras_states():
    import inspect

    from keras.src.applications import vgg19

    source = inspect.getsource(vgg19)
    assert vgg.URLS[0] == vgg19.WEIGHTS_PATH_NO_TOP and f'"{vgg.MD5}"' in source
    assert source.index(vgg.MD5) > source.index("WEIGHTS_PATH_NO_TOP,")
