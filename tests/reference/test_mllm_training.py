"""The short cut that training takes must be what the model computes when it is used."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from tspo_bench.haystack.scenes import draw_scene
from tspo_bench.reference import encoder, examples, layout, mllm
from tspo_bench.reference.words import make_tokenizer, vocabulary


@pytest.fixture(scope="module")
def models() -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(0)
    clip = encoder.make_encoder().eval()
    return clip, mllm.make_mllm(clip.vision_model).eval()


def test_packed_questions_get_the_logits_of_single_prompts(models, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    clip, model = models
    processor = mllm.make_processor()
    monkeypatch.setattr(examples, "noisy", lambda frames, rng: frames)
    filmed = examples.film("parity", clip.vision_model, np.random.default_rng(0))
    chosen = examples.pack(filmed, 8, random.Random(1))
    assert len(chosen.items) >= 2
    seen: list[torch.Tensor] = []
    real_head = model.lm_head.forward
    monkeypatch.setattr(model.lm_head, "forward", lambda h: seen.append(real_head(h)) or seen[-1])
    with torch.no_grad():
        tokenizer = processor.tokenizer
        mllm.losses(model, [chosen], tokenizer, mllm.label_words(tokenizer))
    packed = seen[-1].float()[::2]  # two targets a question: its letter, and the end
    alone = torch.stack([_logits(model, processor, chosen, item) for item in chosen.items])
    # bfloat16 on one side: the ranking of words must agree closely, not the last digits.
    assert torch.allclose(packed, alone, atol=0.02)
    assert not torch.allclose(packed[0], packed[1], atol=0.02)


def _logits(model, processor, chosen, item) -> torch.Tensor:  # type: ignore[no-untyped-def]
    """The next word's logits after the prompt, by way of the processor's own text."""
    text = processor.apply_chat_template(
        [
            {
                "role": "user",
                "content": [
                    {"type": "video"},
                    {"type": "text", "text": layout.prompt(item.text, item.options)},
                ],
            }
        ],
        add_generation_prompt=True,
    )
    tokens = len(chosen.tokens) * layout.POOLED + 1
    ids = processor.tokenizer(text.replace("<video>", "<video>" * tokens), return_tensors="pt")
    with torch.no_grad():
        embedded = model.get_input_embeddings()(ids["input_ids"])
        frames = model.model.multi_modal_projector(chosen.tokens.float())
        video = model.model.apply_pooling(frames).flatten(0, 1)
        video = torch.cat([video, model.model.image_newline[None]])
        places = ids["input_ids"] == model.config.video_token_id
        embedded = embedded.masked_scatter(places[..., None], video)
        out = model.model.language_model(inputs_embeds=embedded).last_hidden_state[0, -1]
        return model.get_output_embeddings().weight @ out


def test_frames_are_prepared_as_the_processor_prepares_them() -> None:
    scenes = encoder.training_scenes(3, crowded=False)
    drawn = np.stack([draw_scene(s, s.clear[0]) for s in (next(scenes) for _ in range(3))])
    pixels = np.clip(drawn, 0, 255).astype(np.uint8)
    ours = encoder.to_pixel_values(pixels.astype(np.float32))
    clip = encoder.make_processor().image_processor(list(pixels), return_tensors="pt")
    llava = mllm.make_processor().video_processor([pixels], return_tensors="pt")
    assert (ours - clip["pixel_values"]).abs().mean() < 0.01
    assert (ours - llava["pixel_values_videos"][0]).abs().mean() < 0.01


def test_the_vocabulary_covers_every_question_of_the_world() -> None:
    tokenizer = make_tokenizer(sentence_marks=False)
    rng = random.Random(0)
    for number in range(20):
        kinds = examples.QUESTION_TYPES
        script = examples.write_script(f"words/{number}", 200, kinds, dict.fromkeys(kinds, 0))
        for item in script.items:
            text = layout.prompt(item.text, examples.shuffled(item, rng).options)
            ids = tokenizer(text)["input_ids"]
            assert tokenizer.unk_token_id not in ids, text
    assert len(set(vocabulary())) == len(vocabulary())


def test_a_pack_answers_what_it_asks() -> None:
    """Four packs in five hold frames of all the evidence of each of their questions."""
    torch.manual_seed(0)
    clip = encoder.make_encoder().eval()
    rng = random.Random(0)
    filmed = examples.film("pack", clip.vision_model, np.random.default_rng(0))
    answered = 0
    for _ in range(40):
        chosen = examples.pack(filmed, 8, rng)
        assert len(chosen.tokens) in (8, 0)
        evidence = {scene for item in chosen.items for scene in item.evidence}
        answered += evidence <= set(chosen.scenes)
        assert all(item.options[item.answer] for item in chosen.items)
    assert 27 <= answered < 40


def test_training_moves_the_language_model_and_not_the_tower(models, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    clip, _ = models
    torch.manual_seed(0)
    monkeypatch.setattr(mllm, "BUDGETS", (4, 8))
    monkeypatch.setattr(mllm, "FRAMES_PER_STEP", 16)
    monkeypatch.setattr(mllm, "POOL_SIZE", 10)
    before = {name: value.clone() for name, value in clip.vision_model.state_dict().items()}
    trained = mllm.train_mllm(clip.vision_model, 0, steps=3)
    tower = trained.model.vision_tower.state_dict()
    assert all(torch.equal(tower[name], value) for name, value in before.items())
    fresh = mllm.make_mllm(clip.vision_model)
    moved = [
        name
        for (name, new), old in zip(
            trained.model.language_model.named_parameters(),
            fresh.model.language_model.parameters(),
            strict=True,
        )
        if not torch.equal(new, old)
    ]
    assert moved


def test_what_is_to_be_predicted_of_a_question() -> None:
    tokenizer = make_tokenizer(sentence_marks=False)
    item = examples.Item("with", "Which fruit appears first ?", ("pear", "kiwi", "lemon"), 1, ())
    block = layout.question_block(item, tokenizer)
    words = tokenizer.convert_ids_to_tokens(block.ids)

    def wanted(targets: list[int]) -> dict[int, str]:
        places = {n: target for n, target in enumerate(targets) if target != layout.NOTHING}
        return {n: tokenizer.convert_ids_to_tokens(target) for n, target in places.items()}

    assert words[-1] == "kiwi"
    assert wanted(block.targets) == {len(words) - 2: "kiwi", len(words) - 1: "</s>"}
    options = {words.index(name): name for name in item.options}
    assert wanted(block.found) == {words.index("?"): "kiwi", len(words) - 2: "kiwi", **options}


def test_visual_tokens_are_named_by_what_their_patches_show() -> None:
    tokenizer = make_tokenizer(sentence_marks=False)
    words = mllm.label_words(tokenizer)
    assert torch.allclose(words.sum(1), torch.ones(len(words)))
    labels = torch.full((1, encoder.GRID**2), encoder.NAME_ID["dog"])
    labels[0, :2] = encoder.NAME_ID["cat"]  # the upper two patches of the first visual token
    dog, cat = (layout.word_id(tokenizer, name) for name in ("dog", "cat"))
    logits = torch.zeros(1, layout.POOLED, len(tokenizer))
    logits[..., dog] = 50.0
    logits[0, 0, cat] = 50.0
    assert mllm.seeing_loss(logits, labels, words) == pytest.approx(np.log(2) / layout.POOLED)
