"""Head vectors against attention computed by hand, and the three ways of extraction against each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headhunt import models
from headhunt.errors import ComputeError, InputError, ModelError
from headhunt.extraction.activations import Extractor, check_storable
from headhunt.extraction.questions import Questions, share
from headhunt.models import last_layer
from headhunt.models import random as embedded
from headhunt.models.backbone import sample_grid
from headhunt.prompts import load
from headhunt.records import Head

FRAMES = 3
DECODERS = {
    "qwen2": ("Qwen2Config", {}),
    "llama with biases": ("LlamaConfig", {"attention_bias": True}),
    "qwen3, head size apart from the width": ("Qwen3Config", {"head_dim": 16}),
}


@pytest.fixture(scope="module", params=DECODERS)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> models.Backbone:
    decoder, options = DECODERS[request.param]
    folder = tmp_path_factory.mktemp("decoder")
    embedded.build(folder, layers=4, heads=8, hidden=64, decoder=decoder, options=options)
    return models.load(str(folder))


@pytest.fixture(scope="module")
def qwen2(tiny: Path) -> models.Backbone:
    return models.load(str(tiny))


def tokens_of(backbone: models.Backbone, n_prompts: int = 5) -> Questions:
    prompts = load("headhunt5")
    asked = replace(prompts, prompts=prompts.prompts[:n_prompts], scoring=prompts.ids[0])
    return Questions(backbone, asked, n_frames=FRAMES)


def pixels_of(backbone: models.Backbone, batch: int, seed: int = 0) -> np.ndarray:
    shape = (batch, FRAMES, 3, backbone.preprocess.height, backbone.preprocess.width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def rotate(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    half = x.shape[-1] // 2
    return x * cos + np.concatenate([-x[..., half:], x[..., :half]], -1) * sin


def attention_by_hand(layer, x: np.ndarray, cos: np.ndarray, sin: np.ndarray, heads: int) -> np.ndarray:
    """softmax(q k / sqrt(d)) v of the last position, float64: x (t, hidden) -> (heads, d)."""
    attention = layer.self_attn
    d = attention.head_dim

    def project(module, norm) -> np.ndarray:
        y = x @ module.weight.double().numpy().T
        y = y + (module.bias.double().numpy() if module.bias is not None else 0)
        y = y.reshape(len(x), -1, d)
        if norm is not None:  # Qwen3 normalises queries and keys
            y = y / np.sqrt((y**2).mean(-1, keepdims=True) + norm.variance_epsilon) * norm.weight.double().numpy()
        return y

    q = rotate(project(attention.q_proj, getattr(attention, "q_norm", None)), cos[:, None], sin[:, None])
    k = rotate(project(attention.k_proj, getattr(attention, "k_norm", None)), cos[:, None], sin[:, None])
    v = project(attention.v_proj, None)
    out = np.empty((heads, d))
    for h in range(heads):
        kv = h // (heads // k.shape[1])
        logits = k[:, kv] @ q[-1, h] / np.sqrt(d)
        weights = np.exp(logits - logits.max())
        out[h] = (weights / weights.sum()) @ v[:, kv]
    return out


def test_head_vectors_equal_attention_computed_by_hand(backbone: models.Backbone) -> None:
    questions = tokens_of(backbone, 1)
    tokens = questions.tokens(questions.grid)
    pixels = pixels_of(backbone, 1)
    ids = [*tokens.prefix, *tokens.suffixes[0]]
    inputs: dict[int, torch.Tensor] = {}
    outputs: dict[int, torch.Tensor] = {}
    handles = []
    for i, layer in enumerate(backbone.decoder.layers):
        handles.append(layer.input_layernorm.register_forward_hook(lambda _m, _a, o, i=i: inputs.__setitem__(i, o)))
        handles.append(layer.self_attn.register_forward_hook(lambda _m, _a, o, i=i: outputs.__setitem__(i, o[0])))
    run = Extractor(backbone, questions, sharing="full")
    captured, narrow, run.narrow = run(pixels), run.narrow, None
    inputs.clear()
    try:
        run(pixels)  # every layer whole, so that there is all of its input to compute from
    finally:
        for handle in handles:
            handle.remove()
    assert narrow == backbone.spec.layers - 1
    positions = torch.arange(len(ids))[None]
    cos, sin = backbone.decoder.rotary_emb(torch.zeros(1, dtype=torch.float32), positions)
    cos, sin = cos[0].double().numpy(), sin[0].double().numpy()
    for i, layer in enumerate(backbone.decoder.layers):
        by_hand = attention_by_hand(layer, inputs[i][0].double().numpy(), cos, sin, backbone.spec.heads)
        np.testing.assert_allclose(captured.heads[0, 0, i], by_hand, atol=1e-5, rtol=1e-5)
        projection = layer.self_attn.o_proj
        whole = captured.heads[0, 0, i].reshape(-1) @ projection.weight.numpy().T
        whole = whole + (projection.bias.numpy() if projection.bias is not None else 0)
        np.testing.assert_allclose(whole, outputs[i][0, -1].numpy(), atol=1e-5, rtol=1e-4)


def test_context_is_the_state_that_gives_the_first_generated_token(qwen2: models.Backbone) -> None:
    tokens, pixels = tokens_of(qwen2, 1), pixels_of(qwen2, 1)
    run = Extractor(qwen2, tokens)
    context, tokens = run(pixels).context, run.tokens
    ids = torch.tensor([[*tokens.prefix, *tokens.suffixes[0]]])
    normal = qwen2.preprocess.normalize(torch.from_numpy(pixels[0]))
    with torch.inference_mode():
        logits = qwen2.model(input_ids=ids, pixel_values=normal, logits_to_keep=1).logits[0, -1]
        ours = qwen2.model.get_output_embeddings()(torch.from_numpy(context[0, 0]))
    torch.testing.assert_close(ours, logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("sharing", ["packed", "loop"])
def test_shared_prefix_equals_full_prefill(backbone: models.Backbone, sharing: str, batch: int) -> None:
    tokens, pixels = tokens_of(backbone), pixels_of(backbone, batch)
    full = Extractor(backbone, tokens, sharing="full")(pixels)
    shared = Extractor(backbone, tokens, sharing=sharing)(pixels)
    scale = np.abs(full.heads).max(axis=-1, keepdims=True)  # for every segment, prompt, layer and head
    assert (np.abs(shared.heads - full.heads) / scale).max() < 1e-4
    assert np.abs(shared.context - full.context).max() / np.abs(full.context).max() < 1e-4


@pytest.mark.parametrize("attn", ["eager", "sdpa"])
def test_attention_implementations_agree(tiny: Path, attn: str) -> None:
    one = models.load(str(tiny), attn=attn)
    assert one.attention == attn == one.fingerprint["attention"]
    tokens, pixels = tokens_of(one), pixels_of(one, 2)
    reference = Extractor(models.load(str(tiny)), tokens, sharing="full")(pixels).heads
    np.testing.assert_allclose(Extractor(one, tokens)(pixels).heads, reference, atol=1e-4, rtol=1e-3)


def test_batch_of_four_equals_four_batches_of_one(qwen2: models.Backbone) -> None:
    run = Extractor(qwen2, tokens_of(qwen2))
    pixels = pixels_of(qwen2, 4)
    together = run(pixels).heads
    alone = np.concatenate([run(pixels[i : i + 1]).heads for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sharing", ["packed", "loop", "full"])
@pytest.mark.parametrize("context", [False, True])
def test_head_subset_gives_the_same_vectors_in_the_order_asked_for(qwen2, sharing: str, context: bool) -> None:
    tokens, pixels = tokens_of(qwen2), pixels_of(qwen2, 2)
    every = Extractor(qwen2, tokens, sharing=sharing)(pixels)
    asked = (Head(2, 7), Head(0, 3), Head(2, 1))
    some = Extractor(qwen2, tokens, heads=asked, context=context, sharing=sharing)(pixels)
    for k, head in enumerate(asked):
        np.testing.assert_allclose(some.heads[:, :, k], every.heads[:, :, head.layer, head.head], atol=1e-6)
    assert (some.context is not None) is context


def test_a_head_subset_stops_at_the_last_layer_it_needs(qwen2: models.Backbone) -> None:
    ran: list[int] = []
    handles = [
        layer.mlp.register_forward_hook(lambda _m, _a, _o, i=i: ran.append(i))
        for i, layer in enumerate(qwen2.decoder.layers)
    ]
    try:
        Extractor(qwen2, tokens_of(qwen2), heads=(Head(1, 0),), context=False)(pixels_of(qwen2, 1))
    finally:
        for handle in handles:
            handle.remove()
    assert set(ran) == {0}  # layer 1 is left at its o_proj, before its MLP


@pytest.mark.parametrize("sharing", ["packed", "loop", "full"])
@pytest.mark.parametrize(("heads", "context"), [(None, True), (None, False), ((Head(2, 7), Head(0, 3)), False)])
@pytest.mark.parametrize("attn", ["sdpa", "eager"])
def test_the_last_layer_where_it_is_read_equals_the_whole_of_it(
    backbone: models.Backbone, sharing: str, heads, context: bool, attn: str
) -> None:
    tokens, pixels = tokens_of(backbone), pixels_of(backbone, 3)
    narrow = Extractor(backbone, tokens, heads=heads, context=context, sharing=sharing)
    plain = Extractor(backbone, tokens, heads=heads, context=context, sharing=sharing)
    assert narrow.narrow == (3 if heads is None else 2)
    plain.narrow = None
    backbone.decoder.set_attn_implementation(attn)
    try:
        got, expected = narrow(pixels), plain(pixels)
    finally:
        backbone.decoder.set_attn_implementation("sdpa")
    np.testing.assert_allclose(got.heads, expected.heads, atol=1e-6 * np.abs(expected.heads).max(), rtol=1e-5)
    assert (got.context is None) == (expected.context is None) == (not context)
    if context:
        np.testing.assert_allclose(got.context, expected.context, atol=1e-6 * np.abs(expected.context).max(), rtol=1e-5)


@pytest.mark.parametrize("sharing", ["packed", "loop", "full"])
@pytest.mark.parametrize(("heads", "context"), [(None, True), (None, False), ((Head(2, 7), Head(0, 3)), False)])
def test_the_last_layer_asks_only_where_it_is_read(qwen2: models.Backbone, sharing: str, heads, context: bool) -> None:
    run = Extractor(qwen2, tokens_of(qwen2), heads=heads, context=context, sharing=sharing)
    last = qwen2.decoder.layers[run.narrow]
    asked: dict[str, list[int]] = {"q_proj": [], "mlp": []}
    handles = [
        module.register_forward_hook(lambda _m, args, _o, name=name: asked[name].append(args[0].shape[1]))
        for name, module in (("q_proj", last.self_attn.q_proj), ("mlp", last.mlp))
    ]
    try:
        run(pixels_of(qwen2, 2))
    finally:
        for handle in handles:
            handle.remove()
    expected = [5] if sharing == "packed" else [1] * 5
    assert asked == {"q_proj": expected, "mlp": expected if context else []}


def test_several_positions_without_a_mask_see_what_comes_before_them(qwen2: models.Backbone) -> None:
    run = Extractor(qwen2, tokens_of(qwen2))
    ids = run.tokens.suffixes[0]
    found = []
    with torch.inference_mode():
        for layer in (3, None):
            run.narrow = layer
            embedded = qwen2.embed(ids, None, batch=1)
            found.append(run.forward(embedded, qwen2.positions(ids, None), [0, 3, len(ids) - 1], use_cache=False))
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)


def test_the_last_layer_is_narrowed_in_bfloat16_too(tiny: Path) -> None:
    backbone = models.load(str(tiny), dtype="bfloat16")
    assert Extractor(backbone, tokens_of(backbone)).narrow == 3


def test_a_decoder_that_is_not_known_runs_its_last_layer_whole(
    qwen2: models.Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not last_layer.can_narrow(qwen2.decoder, 3, attention="flash_attention_2")
    expected = Extractor(qwen2, tokens_of(qwen2))(pixels_of(qwen2, 1))
    with monkeypatch.context() as patch:  # one that turns its keys in another way
        original = last_layer._keys_and_values
        patch.setattr(last_layer, "_keys_and_values", lambda *args: (original(*args)[1], original(*args)[1]))
        assert Extractor(qwen2, tokens_of(qwen2)).narrow is None
    monkeypatch.setattr(last_layer, "KNOWN", {})
    run = Extractor(qwen2, tokens_of(qwen2))
    assert run.narrow is None
    np.testing.assert_allclose(run(pixels_of(qwen2, 1)).heads, expected.heads, atol=1e-6)


def test_a_last_layer_that_leaves_its_keys_and_values_is_an_error(
    qwen2: models.Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Extractor(qwen2, tokens_of(qwen2))
    monkeypatch.setattr(last_layer._Given, "update", lambda self, *_, **__: (self.keys, self.values))  # not counted
    with pytest.raises(ModelError, match="did not take its keys"):
        run(pixels_of(qwen2, 1))


def test_the_model_leaves_as_it_came(qwen2: models.Backbone) -> None:
    def hooks() -> int:
        return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in qwen2.decoder.modules())

    before, weights = hooks(), {k: v.clone() for k, v in qwen2.model.state_dict().items()}
    Extractor(qwen2, tokens_of(qwen2))(pixels_of(qwen2, 1))
    with pytest.raises(RuntimeError):
        Extractor(qwen2, tokens_of(qwen2))(np.zeros((1, FRAMES, 1, 8, 8), np.uint8))
    assert hooks() == before == 0
    assert all(torch.equal(v, weights[k]) for k, v in qwen2.model.state_dict().items())


def test_a_layer_that_does_not_fire_is_an_error(qwen2: models.Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = qwen2.decoder.layers
    monkeypatch.setattr(qwen2.decoder.config, "num_hidden_layers", len(layers) - 1)
    with pytest.raises(ModelError, match="did not fire once"):
        Extractor(qwen2, tokens_of(qwen2, 1))(pixels_of(qwen2, 1))


def test_vectors_do_not_depend_on_the_other_prompts(qwen2: models.Backbone) -> None:
    pixels = pixels_of(qwen2, 1)
    five = Extractor(qwen2, tokens_of(qwen2, 5))(pixels).heads
    two = Extractor(qwen2, tokens_of(qwen2, 2))(pixels).heads
    np.testing.assert_allclose(five[:, :2], two, atol=1e-5)


@pytest.mark.parametrize(
    ("prompts", "prefix", "suffixes"),
    [
        ([[1, 9, 2, 3], [1, 9, 2, 4]], (1, 9, 2), ((3,), (4,))),
        ([[1, 9, 2]], (1, 9), ((2,),)),
        ([[1, 9, 2], [1, 9, 2, 3]], (1, 9), ((2,), (2, 3))),  # one input begins with the other: a token is left over
        ([[9, 5], [9, 5]], (9,), ((5,), (5,))),
    ],
)
def test_share_cuts_at_the_longest_common_prefix(prompts, prefix, suffixes) -> None:
    tokens = share(prompts, placeholder_id=9)
    assert (tokens.prefix, tokens.suffixes) == (prefix, suffixes)
    assert [[*tokens.prefix, *s] for s in tokens.suffixes] == prompts
    assert tokens.lengths == tuple(map(len, prompts))


@pytest.mark.parametrize("prompts", [[], [[]], [[1, 9, 2], [3, 9, 2]]])
def test_share_refuses_prompts_that_share_no_frames(prompts) -> None:
    with pytest.raises(InputError):
        share(prompts, placeholder_id=9)


@pytest.mark.parametrize("head", [Head(4, 0), Head(0, 8)])
def test_a_head_that_does_not_exist_is_refused(qwen2: models.Backbone, head: Head) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Extractor(qwen2, tokens_of(qwen2, 1), heads=(head,))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 70000.0])
def test_values_that_float16_cannot_hold_are_refused(value: float) -> None:
    check_storable(np.array([65504.0, -65504.0, 0.0], np.float32))
    with pytest.raises(ComputeError):
        check_storable(np.array([1.0, value], np.float32))


def test_an_extractor_is_made_of_a_model_and_a_prompt_set(tiny: Path) -> None:
    from headhunt import prompts

    backbone = models.load(str(tiny))
    chosen = prompts.load("headhunt5").subset(("p1", "coarse"))
    made = Extractor.of(backbone, chosen, n_frames=3, heads=[Head(1, 2)], context=False)
    height, width = backbone.preprocess.height, backbone.preprocess.width
    found = made(np.zeros((2, 3, 3, height, width), np.uint8))
    assert found.heads.shape == (2, 2, 1, backbone.spec.head_dim)
    assert found.context is None
    ids = [
        backbone.token_ids(p.text, grid=sample_grid(backbone, 3), frame_text=chosen.frame_text, system=chosen.system)
        for p in chosen.prompts
    ]
    assert [*made.tokens.prefix, *made.tokens.suffixes[1]] == ids[1]
