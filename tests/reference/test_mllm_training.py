"""The short cut that training takes must be what the model computes when it is used."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from tspo_bench.haystack.scenes import draw_scene
from tspo_bench.reference import encoder, examples, mllm
from tspo_bench.reference.words import make_tokenizer, vocabulary


@pytest.fixture(scope="module")
def models() -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(0)
    clip = encoder.make_encoder().eval()
    return clip, mllm.make_mllm(clip).eval()


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
        mllm.loss_of(model, [chosen], processor.tokenizer, caption=True)
    # Three targets a question: the answer's name after "?", its letter, the end.
    packed = seen[0].float()[1 : 3 * len(chosen.items) : 3]
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
                    {"type": "text", "text": mllm.prompt(item.text, item.options)},
                ],
            }
        ],
        add_generation_prompt=True,
    )
    tokens = len(chosen.tokens) * 9 + 1
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
    scenes = encoder.training_scenes(3)
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
            text = mllm.prompt(item.text, examples.shuffled(item, rng).options)
            ids = tokenizer(text)["input_ids"]
            assert tokenizer.unk_token_id not in ids, text
    assert len(set(vocabulary())) == len(vocabulary())


def test_a_pack_answers_what_it_asks() -> None:
    """Nine packs in ten hold frames of all the evidence of each of their questions."""
    torch.manual_seed(0)
    clip = encoder.make_encoder().eval()
    rng = random.Random(0)
    filmed = examples.film("pack", clip.vision_model, np.random.default_rng(0))
    answered = 0
    for _ in range(40):
        chosen = examples.pack(filmed, 8, rng)
        assert len(chosen.tokens) == 8
        shown = chosen.caption.split(";")
        evidence = [
            examples.describe(filmed.script.scenes[scene]).rstrip(" ;")
            for item in chosen.items
            for scene in item.evidence
        ]
        answered += all(any(text.strip() == e.strip() for text in shown) for e in evidence)
        assert all(item.options[item.answer] for item in chosen.items)
    assert answered >= 30


def test_training_moves_the_language_model_and_not_the_tower(models, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    clip, _ = models
    torch.manual_seed(0)
    rounds = (mllm.Round(2, "letter", caption_steps=1), mllm.Round(1, "name"))
    monkeypatch.setattr(mllm, "ROUNDS", rounds)
    monkeypatch.setattr(mllm, "PACKS_PER_STEP", 2)
    monkeypatch.setattr(mllm, "POOL_SIZE", 4)
    before = {name: value.clone() for name, value in clip.vision_model.state_dict().items()}
    trained = mllm.train_mllm(clip, 0)
    tower = trained.model.vision_tower.state_dict()
    assert all(torch.equal(tower[name], value) for name, value in before.items())
    fresh = mllm.make_mllm(clip)
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


def test_a_reply_is_a_letter_or_a_name() -> None:
    tokenizer = make_tokenizer(sentence_marks=False)
    item = examples.Item("with", "Which fruit appears first ?", ("pear", "kiwi", "lemon"), 1, ())
    for reply, said in (("letter", "B"), ("name", "kiwi")):
        block = mllm.question_block(item, tokenizer, reply)  # type: ignore[arg-type]
        words = tokenizer.convert_ids_to_tokens(block.ids)
        expected = [""] * len(words)
        expected[words.index("?")] = "kiwi"
        expected[-2:] = [said, "</s>"]
        found = [tokenizer.convert_ids_to_tokens(t) if t != -100 else "" for t in block.targets]
        assert found == expected
        assert words[-1] == said
