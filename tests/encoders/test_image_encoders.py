"""Encoders of images: folders, modules, what processors do, what is refused."""

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tiny_images import make_classifier, make_config, make_pair, save_checkpoint

from metaling_sk import EncoderVectorizer, load
from metaling_sk._data.images import ImageCell
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.image_reader import ImageReader
from metaling_sk._encoders.modalities import MODALITIES

X, Y = make_pair(20, 20)
IMAGES = [Image.fromarray(image).convert("RGB") for image in X["image"][:5]]
PLAIN = {"device": "cpu", "dtype": "float32", "verbose": 0, "image_column": "image"}


def by_transformers(folder, images, read):
    """The output of a model for images, by transformers alone."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return read(model(processor(images, return_tensors="pt")["pixel_values"])).numpy()


def clip(folder):
    config = transformers.CLIPConfig(
        text_config={"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1},
        vision_config={
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "image_size": 16,
            "patch_size": 8,
        },
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 20}, crop_size={"height": 16, "width": 16}
    ).save_pretrained(folder)
    return folder


CONVNEXT = transformers.ConvNextConfig(
    image_size=32, num_channels=3, hidden_sizes=[4, 8], depths=[1, 1], num_stages=2
)


@pytest.mark.parametrize("pooling", ["auto", "mean", "cls"])
def test_vectors_are_those_of_transformers(tmp_path, pooling):
    folder = save_checkpoint(tmp_path, image_mean=[0.2, 0.5, 0.7], image_std=[0.3, 0.2, 0.1])
    read = {
        "auto": lambda output: output.pooler_output,
        "mean": lambda output: output.last_hidden_state.mean(1),
        "cls": lambda output: output.last_hidden_state[:, 0],
    }[pooling]
    found = EncoderVectorizer(folder, pooling=pooling, **PLAIN).fit_transform(IMAGES)
    np.testing.assert_allclose(found, by_transformers(folder, IMAGES, read), atol=1e-5)


def test_a_convolutional_network(tmp_path):
    folder = save_checkpoint(tmp_path, CONVNEXT, transformers.ConvNextModel)
    found = EncoderVectorizer(folder, pooling="mean", **PLAIN).fit_transform(IMAGES)
    read = by_transformers(folder, IMAGES, lambda output: output.last_hidden_state.mean((2, 3)))
    np.testing.assert_allclose(found, read, atol=1e-5)
    with pytest.raises(ValueError, match="`pooling`: ConvNextModel has no vector of the whole"):
        EncoderVectorizer(folder, pooling="cls", **PLAIN).fit(IMAGES)
    with pytest.raises(ValueError, match="'adapter' needs an encoder that shows its layers"):
        make_classifier(encoder=folder, trainable="adapter").fit(X, Y)
    clf = make_classifier(encoder=folder, max_epochs=1).fit(X, Y)
    clf.save(tmp_path / "saved")
    np.testing.assert_array_equal(load(tmp_path / "saved").predict_proba(X), clf.predict_proba(X))


def test_a_model_of_texts_and_images_gives_its_part_for_images(tmp_path):
    folder = clip(tmp_path)
    found = EncoderVectorizer(folder, **PLAIN).fit_transform(IMAGES)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    vision = transformers.AutoModel.from_pretrained(folder).vision_model.eval()
    with torch.no_grad():
        expected = vision(processor(IMAGES, return_tensors="pt")["pixel_values"]).pooler_output
    np.testing.assert_allclose(found, expected, atol=1e-5)
    clf = make_classifier(encoder=folder, trainable="head").fit(X, Y)
    clf.save(tmp_path / "saved")
    np.testing.assert_array_equal(load(tmp_path / "saved").predict_proba(X), clf.predict_proba(X))


def test_a_pooler_that_the_files_lack_is_not_used(tmp_path):
    config = make_config()
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    size = {"height": config.image_size, "width": config.image_size}
    transformers.ViTImageProcessorPil(size=size).save_pretrained(tmp_path)
    encoder = MODALITIES["images"].make_encoder(EncodingParameters(tmp_path))
    assert encoder.pooling == "mean"


def test_a_module_and_its_processor(tmp_path):
    folder = save_checkpoint(tmp_path)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    module = transformers.AutoModel.from_pretrained(folder)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    expected = EncoderVectorizer(folder, **PLAIN).fit_transform(IMAGES)
    np.testing.assert_array_equal(
        EncoderVectorizer((module, processor), **PLAIN).fit_transform(IMAGES), expected
    )
    make_classifier(encoder=(module, processor)).fit(X, Y)
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name])


def test_pretrained_weights_are_fine_tuned_slowly(tmp_path):
    clf = make_classifier(encoder=save_checkpoint(tmp_path), max_epochs=1).fit(X, Y)
    settings = clf._settings()
    assert settings.encoder_learning_rate < settings.learning_rate / 10
    assert not clf.front_end_.is_from_scratch


def test_pixels_are_those_of_the_processor():
    processor = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 12}, crop_size={"height": 10, "width": 10}
    )
    reader = ImageReader(processor)
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (31, 17, 3), dtype=np.uint8))
    cells = np.empty(1, dtype=object)
    cells[0] = ImageCell(image, None, 0)
    found = reader.standardise(torch.from_numpy(reader(cells).array))
    np.testing.assert_allclose(
        found, processor(image, return_tensors="np")["pixel_values"], atol=1e-5
    )


def test_processors_that_are_refused():
    uneven = transformers.CLIPImageProcessorPil(size={"shortest_edge": 12}, do_center_crop=False)
    with pytest.raises(ValueError, match="leaves images of other proportions in other sizes"):
        ImageReader(uneven)

    class Squaring(transformers.ViTImageProcessorPil):
        def normalize(self, image, *args, **kwargs):
            return image**2

    with pytest.raises(ValueError, match="what it does to colours is not linear"):
        ImageReader(Squaring(size={"height": 8, "width": 8}))


def test_encoders_that_are_refused(tmp_path):
    def fit(encoder, **parameters):
        make_classifier(encoder=encoder, **parameters).fit(X, Y)

    with pytest.raises(OSError, match="no folder with a transformers model of images"):
        fit(str(tmp_path / "nothing"))
    bert = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    transformers.BertModel(bert).save_pretrained(tmp_path / "bert")
    with pytest.raises(OSError, match="no folder with a transformers model of images"):
        fit(tmp_path / "bert")
    with pytest.raises(ValueError, match="BertConfig has no `num_channels` of 3"):
        fit(bert)
    with pytest.raises(TypeError, match="got list.*passed as numbers, with image_column=None"):
        fit([])
    with pytest.raises(ValueError, match="`pooling` must be 'auto', 'mean' or 'cls' for images"):
        fit(make_config(), pooling="last")
    folder = save_checkpoint(tmp_path / "vit")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(OSError, match="preprocessor_config"):
        fit(folder)


def test_nothing_is_printed(tmp_path, capfd):
    folder = save_checkpoint(tmp_path)
    capfd.readouterr()
    make_classifier(encoder="scratch", max_epochs=1).fit(X, Y)
    make_classifier(encoder=folder, max_epochs=1).fit(X, Y)
    assert capfd.readouterr().err == ""


def test_full_images_are_in_memory_one_after_the_other(tmp_path, monkeypatch):
    """Pixels of all images at once would be 300 MB."""
    import tracemalloc

    large = tmp_path / "large.jpg"
    Image.fromarray(np.full((1000, 1000), 90, np.uint8)).convert("RGB").save(large)
    read = ImageCell.read
    alive = []

    def watched(cell):
        image = read(cell)
        alive.append(image.size)
        return image

    monkeypatch.setattr(ImageCell, "read", watched)
    vectorizer = EncoderVectorizer(make_config(), random_state=0, **PLAIN).fit([large])
    images = [large.read_bytes() + bytes([number]) for number in range(100)]
    tracemalloc.start()
    vectorizer.transform(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(alive) == 100
    assert peak < 40e6
