"""Replies in the words that models use: those that state an option, and traps beside them."""

from __future__ import annotations

import pytest

from tspo_bench.tasks.reading import read_answer

OPTIONS = ("A hat", "An egg", "Dogs", "None of the above")

MARKS = (
    "<|begin_of_box|>B<|end_of_box|>", "The answer is <|begin_of_box|>B<|end_of_box|>.",
    "<|begin_of_box|>An egg<|end_of_box|>", "<answer><|begin_of_box|>B<|end_of_box|></answer>",
    "B<|im_end|>", "B</s>", "<s>B</s>", "B<|eot_id|>", "B<|endoftext|>",
    "B<end_of_turn>\n<start_of_turn>user\nA?", "B.<|im_end|>\n<|im_start|>user\nC", "B [/INST]",
    "B<end_of_utterance>", "B<|return|>", "<CONCLUSION> B </CONCLUSION>",
    "<CONCLUSION>The answer is B.</CONCLUSION>", "Wait, let me think. The answer is B.",
    "<think>\nOkay.\n</think>\n\nB", "<think>\nOkay, A?\n</think>\n\n<answer>\nB\n</answer>",
    "<think>A</think>\n\n**Answer: B**",
)  # fmt: skip
MARKS_TRAPS = (
    "I think", "I think so", "I think it shows a man", "The answer is I think unclear",
    "<|begin_of_box|>E<|end_of_box|>", "<think>The answer is B", "The answer is B <think>",
    "<think>B</think>", "<|channel|>analysis<|message|>The answer is B.",
    "[THINK]The answer is B", "◁think▷B", "<thinking>B", "<reasoning>The answer is B.",
    "<seed:think>B", "<SUMMARY>B</SUMMARY>", "<REASONING>The answer is B</REASONING>",
    "<SUMMARY>The answer is B", "So I think", "<think>It is B.</think>", "B</think>",
    "<think>B</think><think>C", "<|channel|>final", "assistantfinal", "analysisB",
    "analysisThe answer is B.", "<think>\nThe answer is B.\n<answer>B</answer>",
)  # fmt: skip
ENGLISH = (
    "B<｜end▁of▁sentence｜>", "\\boxed{\\mathrm{B}}", "\\boxed{\\text{Option B}}",
    "\\boxed{\\textbf{(B)}}", "$\\boxed{B}$", "\\[\\boxed{B}\\]", "\\boxed{\\text{B. An egg}}",
    "\\boxed{An egg}", "\\boxed{\\bf B}", "\\boxed {B}", "\\\\boxed{B}", "The answer is \\(B\\).",
    "\\fbox{B}", "\\boxed{\\mathbf{B}} is it.", "B An egg", "[B] An egg", "b an egg",
    "B - An egg", "B, An egg", "Option B An egg", "An egg (B)", "The answer is B An egg",
    "So, B.", "so B", "Therefore, (B).", "Thus: B", "It shows an egg. So, B.", "Ans: B", "ans. B",
    "B.\n\nAn egg", "<answer>An egg</answer>", "<answer>Option B</answer>", '{"answer": "B"}',
    '```json\n{"answer": "B"}\n```', "<b>B</b>", "**Answer:** B", "### Answer\nB",
    "Final answer: **(B)**", "B。", "La letra correcta es B", "Option B", "Not A, so B.",
    "It could be A, but I'd go with B", "The answer is B. Final answer: B",
    "A is wrong. C is wrong. The answer is B.", "between A and B, I choose B",
    "A. A hat - no\nB. An egg - yes\nThe answer is B", "The answer is B, C is wrong",
    "The answer is B, not C.", "The man waits. The answer is B because they wait here",
    "There is no doubt that the answer is B.", "Without doubt, it is B.", "B is right.",
    "The correct answer: B", "Correct answer - B", "I'd say B.", "My answer: B", "It must be B.",
    "Looking at the frames, the answer would be B.", "B\n", "B)", "B：", "Ⓑ", "✅ B",
    "**B**: An egg", "B: An egg", "Answer is B", "Answer B", "option b", "(b)",
    "the correct choice is b.", "> B", "- B", "B (An egg)",
    "Based on the video, the answer is B. An egg.", "Option B is the correct answer.",
    "Among the options, B is the best answer.", "Final Answer: B", "Final answer\n\n$\\boxed{B}$",
    "The final answer is: $\\boxed{\\text{B}}$.", "\\boxed{\\text{B}: \\text{An egg}}",
    "The answer is B because it is an egg.", "I choose option B.", "Best Option: (B) An egg",
    "B) An egg", "The answer is:\n\nB. An egg", "The answer is: **B. An egg**",
    "Hence the answer is (B).", "So, the answer is An egg.",
)  # fmt: skip
ENGLISH_TRAPS = (
    "1. B", "It is a hat.", "The answer is not B", "It is not B", "B is not correct",
    "B is incorrect", "B is wrong", "The answer B is incorrect", "Option B: incorrect.",
    "B. This is not correct", "Neither B nor C", "B or C", "B and C", "B/C", "B, C",
    "The answer is B or C", "The answer is B, C or D", "The answer is either B or C",
    "(B) or (C)", "It could be B", "The answer could be B", "The answer might be B", "Maybe B",
    "Perhaps B.", "If the answer is B, then he leaves", "I cannot tell whether the answer is B",
    "Is the answer B?", "The answer is B?", "B... wait, C", "B... wait, C.",
    "The answer is B. Wait, C.", "The answer is B. No, C.", "B. Sorry, C.",
    "The answer is B, I mean C.", "B — actually C.",
    "The answer is B. Hold on, let me check again.", "B\n\nWait, actually C",
    "The answer is B. Wait, actually the answer is C.", "A man walks",
    "A man walks in and So, A man", "So, A man walks", "So B or C", "So, not B.", "E",
    "The answer is E", "So, E.", "(E)", "\\boxed{E}", "<answer>E</answer>", "E An egg", "B A hat",
    "[B] A hat", "B. A hat", "Option B: Dogs", "A An egg", "Vitamin C", "Plan B",
    "It is Vitamin C", "The answer is Plan B", "U.S. soldiers", "weder B noch C",
    "A) No. B) No. C) Yes.", "(A) no (B) yes", "A. A hat\nB. An egg",
    "A is wrong, B is wrong, C is wrong", "The wrong answer is B", "The incorrect option is B",
    "I don't know", "Answer with the option's letter", "Answer: A, B, C, or D",
    "Choose A, B, C or D", "", "   ", "!!!!", "<answer></answer>", "The answer is",
    "<answer>B or C</answer>", "\\boxed{B, C}", "\\boxed{B}\\boxed{C}", "the answer is a mystery",
    "The answer is not An egg", "It isn't B.", "I wouldn't choose B", "I would not pick B",
    "None of B, C", "All except B", "Everything but B", "Not B", "Anything but B.",
    "I doubt it is B", "It is unlikely to be B", "The answer is unlikely B", "I'd rule out B",
    "Eliminate B", "B? C?", "The answer is (B) or (C).", "A or B is correct",
    "Either A or B is correct.", "Both B and C are correct", "B as well as C", "B, maybe C",
    "The options are A, B, C and D.", "Option B shows a man. Option C shows a woman.",
    "In option B, he leaves.", "The man is B", "Type B", "B-roll is shown", "Blood type B",
    "The letter B is on the wall", "Group B wins", "The sign says B.", "He gets a B.",
    "B is the first letter of the sign", "The answer is in the frames", "So far, B and C",
    "So A man is", "So, I", "Not sure, B or C?", "Hmm, B?", "Answer: not B", "Answer: none",
    "Answer: B or C", "Correct answer is not B", "B cannot be correct", "B can't be the answer",
    "The answer can't be B", "The answer cannot be B.", "The answer isn't B.", "It's not B.",
    "It is neither B nor C.", "No, it's not B", "None of the options, but B is closest",
    "Rather than B, C", "Unlike B, C", "B was my first thought, but C",
    "At first B seems correct, but C is correct", "A、B", "AB", "B não é correta",
    "The correct option is not mentioned: B", "A: hat, B: egg", "A = hat; B = egg",
    "(A) hat (B) egg (C) dog", "Options: A, B, C, D", "The answer is option E", "Answer: F",
    "The answer is Z", "B and E", "The answer is B or E",
)  # fmt: skip
CHINESE = (
    "答案是B", "答案：B", "答案: B。", "正确答案是 B", "正确答案是：B", "正确答案为B", "选B",
    "选 B。", "选项B", "选项 B。", "故选B", "故选：B", "故选B。", "因此，答案是B。", "所以选B",
    "我选择B", "应选B", "应该选择 B", "正确选项是B", "正确的选项是B。", "B选项", "B选项正确",
    "选项B是正确的。", "B是正确答案", "答案是选项B", "答案是“B”", "【答案】B", "答：B",
    "答案是Ｂ", "答案：（Ｂ）", "本题选B", "本题答案为B",
    "综上所述，正确答案是B，因为画面中有一个鸡蛋。", "答案應該是B", "正確答案是B", "選B", "選擇B",
    "最可能的答案是B", "根据视频内容，答案是B：An egg。", "答案是B选项。", "答案是 B. An egg",
    "选择选项B", "正确的是B", "選択肢B", "选项A错误，选项C错误，答案是B", "答案是B，而不是C",
    "答案是：An egg", "正确答案是B。解析：画面中，A和C没有出现。",
    "答案：B\n解析：视频中出现了鸡蛋，因此选B。", "B。因为画面中有鸡蛋。", "B、鸡蛋",
    "正确答案：B. An egg", "答案选B", "答案选择B。", "应该选B。", "选择B", "因此应选 B 项。",
    "所以正确答案是（B）。", "答案就是B",
)  # fmt: skip
CHINESE_TRAPS = (
    "B 鸡蛋", "答案是E", "答案不是B", "不是B", "不选B", "不应选B", "B不正确", "B选项错误",
    "选项B不对", "选项B是错误的", "排除B", "可以排除B", "B可以排除", "答案是B还是C", "答案是B或C",
    "选B或C", "答案可能是B", "答案是B吗？", "答案是B吗", "选项A和B", "除了B", "答案不可能是B",
    "我不认为答案是B", "如果选B，那么", "选B还是C", "错误选项是B", "选BC", "正确答案不是B，",
    "答案是B、C", "A和B都正确", "选A还是选B", "B错误", "答案是B。不对，是C。",
    "答案是B，等等，是C", "选项B描述的是狗", "B选项是错误的，", "我觉得不是B", "没有B",
    "B不是正确答案", "B不是答案", "应排除B", "答案并非B", "正确的不是B", "选项B有误",
    "答案是A和B", "答案是AB", "B也不对", "B 选项不符合", "究竟是B吗", "B对吗？", "答案是B？",
    "答案是F",
)  # fmt: skip
JAPANESE = (
    "答えはBです", "答えはB", "答えは「B」です。", "答え：B", "正解はB", "正解はBです。",
    "正解：Ｂ", "正しい答えはBです", "正しい選択肢はBです", "Bが正解です", "Bです", "Bです。",
    "Bを選びます", "選択肢Bです", "選択肢Bが正解です", "回答：B", "したがって、答えはBです。",
    "答えはBだと思います", "正しいのはBです", "答えはBになります。", "正解はBで、Cではない",
    "最も適切な選択肢はBです。", "正解は選択肢Bです。", "答えは B. An egg です。",
    "答えは（B）です。", "答え: B", "正解は B 。", "よって、Bが正しいです。", "「B」です",
)  # fmt: skip
JAPANESE_TRAPS = (
    "答えはAn eggです", "正解はEです", "答えはBではありません", "答えはBではない",
    "正解はBじゃない", "Bは正しくない", "Bは間違いです", "BかCです", "答えはBかCです",
    "答えはBまたはCです", "Bではなく、Cです", "答えはBでしょうか？", "答えはBですか",
    "Bは不正解です", "不正解はB", "Bが正解ではない", "答えはBとC", "答えはBかもしれません",
    "Bではない", "誤りはBです", "Bを選ばない", "Bが正解ではありません", "選択肢Bは犬です",
    "Bではありません。", "Bは違います", "BまたはC", "BもしくはCです", "答えはBではなくCです",
    "答えはB？", "答えはBですか？", "答えはBではないでしょう", "Bは誤りです", "Bは含まれません",
    "もし答えがBなら", "正解はBではなく、", "正しくないのはBです", "間違っているのはBです",
    "正解ではないのはBです",
)  # fmt: skip
KOREAN = (
    "정답은 B", "정답은 B입니다", "정답은 B입니다.", "정답: B", "답: B", "답은 B입니다", "답은 B",
    "정답은 (B)입니다", "정답 B", "B입니다", "B가 정답입니다", "B번", "옵션 B",
    "정답은 B번입니다", "올바른 답은 B입니다", "B를 선택합니다", "따라서 정답은 B입니다.",
    "정답은 B. An egg입니다", "정답은 B이고 C는 아닙니다",
    "정답은 B입니다. 영상에서 A는 나오지 않습니다.", "답변: B", "정답은 'B'입니다.",
    "정답은 **B**입니다.", "B번입니다.", "선택지 B가 정답입니다.",
)  # fmt: skip
KOREAN_TRAPS = (
    "정답은 B가 아닙니다", "정답은 B가 아니라", "B는 정답이 아닙니다", "B가 정답이 아닙니다",
    "B 또는 C", "정답은 B 또는 C", "정답은 B나 C입니다", "정답은 B와 C", "B는 틀렸습니다",
    "정답은 B일 수도 있습니다", "정답은 B인가요?", "오답은 B", "틀린 답은 B", "B는 맞지 않습니다",
    "B를 선택하지 않습니다", "B는 오답입니다", "B가 아닙니다", "B는 아닙니다", "답은 B가 아니다",
    "정답은 B 혹은 C입니다", "B와 C", "만약 정답이 B라면", "B인가요?",
    "정답은 B가 아닌 것 같습니다", "틀린 것은 B입니다", "B는 옳지 않습니다", "정답은 없습니다",
)  # fmt: skip
SPANISH = (
    "La respuesta correcta es B", "La respuesta correcta es B.", "La respuesta es la B",
    "La respuesta es la B.", "Opción B", "opción B.", "Opcion B", "La opción correcta es B",
    "La opción correcta es la B", "La opción B es la correcta", "La B", "Respuesta: B",
    "Es la B.", "Elijo la B", "La alternativa correcta es B",
    "La respuesta correcta es la opción B", "La respuesta correcta sería B", "Creo que es la B",
    "Por lo tanto, la respuesta es B.", "Respuesta correcta: B) An egg",
    "B es la respuesta correcta", "Por lo tanto, B.", "La respuesta es (B) An egg",
    "La respuesta es B, no C", "La respuesta correcta es: B", "La respuesta correcta es **B**.",
    "La respuesta correcta es la letra B.", "Respuesta: (B)",
    "La respuesta correcta es B) An egg.", "La opción B.",
    "Según el video, la respuesta correcta es B, porque no aparece A.",
    "La opción B es correcta.", "Escogería la opción B.", "Es B.",
)  # fmt: skip
SPANISH_TRAPS = (
    "no es B", "La respuesta no es B", "No es la opción B", "la opción B no es correcta",
    "La opción B es incorrecta", "B o C", "La respuesta es B o C", "ni B ni C",
    "La respuesta es A un hombre", "La respuesta incorrecta es B",
    "Si la respuesta es B, entonces", "¿Es la B?", "La respuesta podría ser B", "Quizás la B",
    "La respuesta es B y C", "B no es la respuesta", "La respuesta es a la izquierda",
    "La respuesta es la B o la C", "La respuesta no es An egg", "No es B.", "La B no",
    "La respuesta no puede ser B", "la respuesta correcta no es la B", "No creo que sea B",
    "ni la B ni la C", "No elijo la B", "La opción B no", "B es incorrecta",
    "la opción incorrecta es la B", "La respuesta es B o quizás C", "Podría ser B", "entre B y C",
    "A la derecha",
)  # fmt: skip
GERMAN = (
    "Die richtige Antwort ist B", "Die richtige Antwort ist B.", "Antwort: B",
    "Die Antwort lautet B", "Die Antwort lautet: B", "Richtig ist B", "Richtig ist Antwort B.",
    "Antwort B", "Antwort B ist richtig", "Die korrekte Antwort ist B", "B ist richtig",
    "B ist die richtige Antwort.", "Ich wähle B", "Lösung: B", "Die Lösung ist B",
    "Antwortmöglichkeit B", "Die richtige Option ist B", "Es ist B.", "Also B.",
    "Die richtige Antwort ist die B", "Meine Antwort ist B, weil ein Ei zu sehen ist.",
    "Die Antwort ist Option B", "Die Antwort ist B, nicht C", "Antwort: An egg",
    "Die richtige Antwort lautet B.", "Die richtige Antwort ist (B).",
    "Die richtige Antwort ist: B) An egg", "Antwort: (B)",
    "Die Antwort ist B, da im Video ein Ei zu sehen ist.", "Richtige Antwort: B",
    "Die richtige Antwort ist Option B.", "B ist korrekt.",
)  # fmt: skip
GERMAN_TRAPS = (
    "Ich würde B wählen.", "Es handelt sich um B.", "Antwort: E", "Die Antwort ist nicht B",
    "ist nicht B", "nicht B", "B ist falsch", "B ist nicht richtig", "Die Antwort ist B oder C",
    "B oder C", "Antwort B ist falsch", "kein B", "Vielleicht B", "Die falsche Antwort ist B",
    "Ist die Antwort B?", "Wenn die Antwort B ist, dann", "Die Antwort könnte B sein",
    "Es ist nicht B.", "Die richtige Antwort ist nicht B", "Die Option, die nicht stimmt: B",
    "Falsch ist B", "B oder doch C", "Es ist weder B noch C", "Die Antwort ist keine von B",
    "Nicht B.", "B ist nicht die richtige Antwort", "B ist nicht korrekt", "B wäre falsch",
    "Antwort B ist nicht richtig", "Möglicherweise B", "Die Antwort ist entweder B oder C",
    "Die Antwort B ist falsch", "B und C", "Ich bin nicht sicher, ob B", "Richtig ist nicht B",
    "Nein, nicht B",
)  # fmt: skip
OTHERS = (
    "La bonne réponse est B", "La réponse correcte est la B.", "Réponse : B",
    "A resposta correta é B", "Resposta: B", "La risposta corretta è B", "Ответ: B",
    "Правильный ответ: B", "الإجابة هي B", "उत्तर B है",
)  # fmt: skip
OTHERS_TRAPS = (
    "La réponse n'est pas B", "Ce n'est pas B", "La réponse est B ou C", "A resposta não é B",
    "La risposta non è B", "Ответ не B", "Ce n'est pas la réponse B", "B n'est pas correct",
    "La réponse B est fausse", "A resposta não é a B",
)  # fmt: skip
OTHER_LETTERS = [
    ("The answer is none of the above", "D"), ("None of the above", "D"), ("A", "A"),
    ("So, A.", "A"), ("A hat", "A"), ("答案是A", "A"), ("정답은 A", "A"),
    ("La respuesta es A.", "A"), ("Die Antwort ist A", "A"),
]  # fmt: skip

SENTENCES = (
    "The answer is most likely B.", "The answer is probably B", "The answer is therefore B.",
    "I'm going with B.", "My best guess is B.", "B appears to be correct.", "答案不是A，而是B",
    "Die Antwort ist wahrscheinlich B", "La respuesta es probablemente la B",
    "Antwort A ist falsch. Antwort B ist richtig.", "&lt;think&gt;A&lt;/think&gt;B",
    "Let's look at the options. A: not shown. B: shown. So the answer is B.",
    "Option A is a hat, which isn't seen. Option B is an egg. Therefore, the correct answer is B.",
    "B\n\nExplanation: The man holds an egg, not a hat (A) or dogs (C).",
    "The correct answer is B. An egg.\n\nA is wrong because there is no hat.",
    "A ✗\nB ✓\nC ✗", "It isn't A, it's B", "no es A, es la B.",
    "Answer: B\nReason: At 10s, A man picks an egg. I think it fits.",
)  # fmt: skip
SENTENCES_TRAPS = (
    "The answer is unlikely B", "The answer is most likely not B", "The answer is probably B or C",
    "My best guess is B or C", "I'm not going with B", "The answer is B? No, C.", "B? No. C.",
    "The options are:\nA. A hat\nB. An egg\nC. Dogs\n\nThe video shows an egg.",
    "B - C", "B: C", "B. C", "B ❌", "✗ B", "The answer is B ✗", "Answer: !B", "answer != B",
    "I refuse to choose B", "I would reject B", "答えはB以外", "答案除B外", "정답은 B 말고 C",
    "Don't choose B", "B is tempting but C fits", "todo menos B", "alles außer B",
    "First A, then B", "First A, then C, finally B", "From A to B", "A -> B", "A > B > C",
    "A=1, B=2", "Scene A: dog. Scene B: cat.", "Speaker B: hello", "Team B: 2",
)  # fmt: skip

STATED = (*MARKS, *ENGLISH, *CHINESE, *JAPANESE, *KOREAN, *SPANISH, *GERMAN, *OTHERS, *SENTENCES)
TRAPS = (
    *MARKS_TRAPS,
    *ENGLISH_TRAPS,
    *CHINESE_TRAPS,
    *JAPANESE_TRAPS,
    *KOREAN_TRAPS,
    *SPANISH_TRAPS,
    *GERMAN_TRAPS,
    *OTHERS_TRAPS,
    *SENTENCES_TRAPS,
)


def test_half_are_traps() -> None:
    assert len(TRAPS) >= len(STATED)


@pytest.mark.parametrize("reply", STATED)
def test_a_reply_that_states_b(reply: str) -> None:
    assert read_answer(reply, OPTIONS) == "B"


@pytest.mark.parametrize(("reply", "letter"), OTHER_LETTERS)
def test_a_reply_that_states_another(reply: str, letter: str) -> None:
    assert read_answer(reply, OPTIONS) == letter


@pytest.mark.parametrize("reply", TRAPS)
def test_a_trap_states_nothing(reply: str) -> None:
    assert read_answer(reply, OPTIONS) is None
