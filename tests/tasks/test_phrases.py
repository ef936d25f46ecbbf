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
    "Правильный ответ: B",
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

# Of others, of several letters, of the question itself, in the five languages.
NOT_ITS_OWN = (
    "Some people answer B", "You might think the answer is B, but it is not.", "They select C",
    "Many would say the answer is B, but that's a mistake", "The man chose B", "She picks B",
    "One might say the answer is B", 'The man says "The answer is B"', "His answer is B",
    "In the video a sign reads: Answer: B", "The user's answer is B", "Her choice is B",
    "The first option is A", "The last option is D", "The least likely answer is B",
    "The second best answer is B", "The worst choice is B", "The distractor answer is B",
    "A tempting answer is B", "One option is B", "Another option is B", "Other option: B",
    "An alternative answer is B", "My first guess was B, now C", "The previous answer was B",
    "Initially the answer was B", "The opposite of the answer is B", "I almost chose B",
    "I hesitate to choose B", "I was going to choose B", "I could choose B", "I might choose B",
    "Should I choose B", "Should we choose B", "Why choose B", "Please select A",
    "Please choose B",
)  # fmt: skip
NOT_ALONE = (
    "The answer is B, else C", "The answer is B (or C)", "The answer is B to D",
    "The answer is B~D", "The answer is B through D", "The answer is B then C",
    "The answer is B followed by C", "The answer is B versus C", "The answer is B. Or C.",
    "The answer is B. Or maybe C.", "The answer is B; alternatively, C",
    "The answer is B. Alternatively C.", "The answer is B. But it might be C.",
    "The answer is B. However, the correct one is C.", "The answer is B. Edit: C",
    "The answer is B. On reflection, C.", "The answer is B. Hmm, C.",
    "The answer is B but I'm not sure, could be C", "B is correct, but so is C",
    "The answer seems to be B, though C is also possible", "B is correct and C is correct",
    "None of A, B, C is correct", "The answer is B (no, C)", "The answer is B if he wore a hat",
    "The answer is B if the man is wearing a hat, else C", "B is true only if A is true",
)  # fmt: skip
DENIED_LABELS = (
    "(B) ✗", "B: no", "B - False", "B. No", "B: unlikely", "B: not shown", "B) does not match",
    "B. Not shown in the video", "B. This option is incorrect.", "B. doesn't match",
    "B. This does not match the video", "(B) does not fit.", "B: does not appear.",
    "B: The video does not show an egg.", "B. There is no egg.", "B. No egg is seen",
    "B. An egg is not shown in the video", "B. An egg - no", "B. An egg (incorrect)",
    "B. An egg ✗", "B. An egg: wrong", "B. An egg?", "An egg?", "B?", "B???", "B (?)", "B [?]",
    "<answer>B?</answer>", "\\boxed{B?}", "The answer B is less likely", "Answer B is unlikely",
    "B is right next to the door", "B is right of C", "B is best avoided", "B is true? No.",
)  # fmt: skip
MORE_CHINESE_TRAPS = (
    "有人认为答案是B", "有人说答案是B", "用户的答案是B", "他选择了B", "很多人会选B",
    "你可能会认为答案是B", "最不可能的是B", "最不可能的答案是B", "答案应该不是B", "答案绝不是B",
    "我不会选B", "不应该选择B", "不要选B", "别选B", "请选择B", "请选择A、B、C或D", "请选择A",
    "选项是A、B、C、D", "从A到D中选择", "在A和B之间", "B或者C", "B与C都对", "B和C都有可能",
    "答案是B或者是C", "答案要么是B要么是C", "答案不是A就是B", "答案是B，但也可能是C",
    "答案是B，但C也对", "答案是B，也有可能是C", "B，或者C", "我本来想选B", "我原以为是B",
    "起初我以为答案是B", "第一个选项是A", "最后一个选项是D", "另一个选项是B", "错误答案：B",
    "不正确的选项是B", "不符合的是B", "答案：不是B", "答案：无", "答案：B？", "难道是B？",
    "会不会是B", "是不是B", "是B吗", "为什么选B", "为什么答案是B", "假如答案是B", "即使答案是B",
    "除非答案是B", "选项B：没有出现", "B：没有出现", "B：错误", "B：不符合", "B. 不正确",
    "B、不对", "B 不是", "B选项不对", "B选项没有依据", "B选项被排除", "排除了B", "排除A、B",
    "排除B、C后", "B型血", "维生素B", "计划B", "B组获胜", "B站", "黑板上写着B",
    "黑板上写着“答案是B”", "字幕显示：答案是B", "他说答案是B", "老师问答案是B吗", "A 帽子 B 鸡蛋",
    "A：帽子；B：鸡蛋", "答案是B——不，是C", "答案是B，哦不，是C", "答案是B。更正：C",
    "答案是B，不对，应该是C", "B，抱歉，应为C", "B……等等，应该是C", "答案是B。然而，正确的是C",
    "答案从B改为C", "由B改选C", "答案B不成立", "答案B是错的", "答案B不正确", "B最不合适",
    "B不太可能", "B不可能", "B的可能性较小", "B并不正确", "B未必正确", "B不一定对", "B不完全正确",
    "B只有部分正确", "B看似正确，但其实不对", "B似乎正确，但C更准确", "选B的人错了", "选B是错的",
    "选B不对", "若选B则错", "非B", "非B即C", "无法确定是B", "不能选B", "不可选B", "没有选B",
    "不是选B", "没法选B",
)  # fmt: skip
MORE_JAPANESE_TRAPS = (
    "答えはBと言う人もいます", "答えはBだと思うかもしれませんが、違います", "彼はBを選びました",
    "ユーザーの答えはB", "Bを選んでください", "A、B、C、Dから選びます", "選択肢はA、B、C、Dです",
    "最初の選択肢はAです", "最後の選択肢はDです", "別の選択肢はBです", "Bの可能性は低い",
    "Bは考えにくい", "Bはありえない", "Bはあり得ません", "Bではなさそうです", "Bとは限りません",
    "Bとは言えません", "答えはBとは言えない", "答えはBとは限らない", "Bではないと思います",
    "Bだとは思いません", "答えはBではなかった", "Bは除外されます", "Bを除外します", "Bを除く",
    "B以外です", "BもCも正しい", "BとCが正しい", "BかCのどちらかです", "BあるいはC",
    "答えはB、いやCです", "答えはB。いや、C。", "答えはBです。訂正します、Cです",
    "答えはB…待って、Cです", "答えはBですが、Cかもしれません",
    "答えはBですが、Cの可能性もあります", "最初はBだと思いましたが、Cです", "もしBなら", "Bなら",
    "答えがBなら", "答えがBの場合", "Bの場合、", "Bでしょうか", "Bですか", "Bかな？",
    "答えはBかな", "答えはBだろうか", "Bかどうか", "答えがBかどうか分かりません", "ビタミンB",
    "B型", "プランB", "B組が勝つ", "看板にはBと書いてある", "看板に「答えはB」と書かれています",
    "先生は「答えはBですか」と聞いた", "Bは誤りです", "Bは間違っている", "Bが間違い",
    "Bは正解ではありません", "Bは正しくありません", "Bは正しくないです", "正しくない答えはB",
    "間違った答えはBです", "不適切なのはBです", "適切でないのはBです", "最も可能性が低いのはBです",
    "B：誤り", "B: 不正解", "B. 正しくない", "B. 映像に出てこない", "B. いいえ",
    "Bを選ぶのは間違い", "Bを選ぶべきではない", "Bを選ぶことはできません", "Bを選びません",
    "Bは選べません", "Bは該当しません", "Bは当てはまらない", "Bは不適切です", "Bは違う",
    "Bじゃない", "Bじゃなくて C", "BよりC", "BよりもCです",
)  # fmt: skip
MORE_KOREAN_TRAPS = (
    "어떤 사람은 답이 B라고 합니다", "그는 B를 선택했습니다", "사용자의 답은 B", "B를 선택하세요",
    "B를 고르세요", "A, B, C, D 중에서 선택하세요", "선택지는 A, B, C, D입니다",
    "첫 번째 선택지는 A입니다", "마지막 선택지는 D입니다", "다른 선택지는 B입니다",
    "B일 가능성은 낮습니다", "B는 아닐 것입니다", "B라고 할 수 없습니다",
    "정답은 B라고 할 수 없습니다", "정답이 B라고 볼 수 없다", "정답은 B가 아닐 것입니다",
    "B는 제외됩니다", "B를 제외합니다", "B를 제외하고", "B 제외", "B와 C가 맞습니다",
    "B와 C 모두 정답입니다", "B 아니면 C", "B이거나 C", "정답은 B이거나 C입니다",
    "정답은 B 아니면 C입니다", "정답은 B, 아니 C입니다", "정답은 B입니다. 아니, C입니다",
    "정답은 B입니다. 정정합니다. C입니다.", "정답은 B... 잠깐, C",
    "정답은 B이지만 C일 수도 있습니다", "정답은 B지만 C도 가능합니다",
    "처음에는 B라고 생각했지만 C입니다", "B라면", "정답이 B라면", "B인 경우", "B일까요?",
    "정답은 B일까요", "정답이 B인지 모르겠습니다", "B인지 확실하지 않습니다", "정답은 B인지 C인지",
    "비타민 B", "B형", "B조 승리", "표지판에 B라고 적혀 있다", "표지판에 '정답은 B'라고 적혀 있다",
    "B는 틀립니다", "B는 틀린 답입니다", "B는 잘못된 답입니다", "잘못된 답은 B입니다",
    "옳지 않은 것은 B입니다", "맞지 않는 것은 B입니다", "정답이 아닌 것은 B입니다",
    "가장 가능성이 낮은 것은 B입니다", "가장 가능성이 낮은 답은 B입니다", "B: 틀림", "B: 오답",
    "B. 아니요", "B. 영상에 나오지 않음", "B를 고르지 않습니다", "B를 선택할 수 없습니다",
    "B를 선택하면 안 됩니다", "B를 선택하는 것은 틀립니다", "B는 적절하지 않습니다",
    "B는 해당되지 않습니다", "B보다 C", "B 대신 C", "B가 아니라 C",
)  # fmt: skip
MORE_SPANISH_TRAPS = (
    "Algunos dicen que la respuesta es B", "Él elige la B", "Elija B", "Elige A",
    "Seleccione A, B, C o D", "La primera opción es A", "La última opción es D",
    "Otra opción es B", "La segunda mejor respuesta es B", "La respuesta menos probable es B",
    "La peor opción es B", "Casi elijo la B", "Podría elegir la B", "Descarto la B",
    "Se descarta la B", "Podemos descartar la B", "Excepto B", "Salvo B", "Menos B",
    "Dudo que sea B", "Dudo que la respuesta sea B", "No sé si es B",
    "No estoy seguro de que sea B", "La respuesta es B, aunque podría ser C",
    "La respuesta es B, pero también C", "La respuesta es B. Perdón, C.",
    "La respuesta es B. Digo, C.", "La respuesta es B, mejor dicho C",
    "La respuesta es B, o mejor C", "La respuesta es B. Espera, es C.",
    "La respuesta es B si lleva sombrero", "La respuesta es B, si no C", "La respuesta es B a D",
    "La respuesta es tanto B como C", "Es B o es C", "Es la B o es la C", "B y C son correctas",
    "Tanto B como C son correctas", "B es casi correcta", "B es poco probable",
    "B es la menos probable", "B es errónea", "B está mal", "B está equivocada",
    "La B está descartada", "La B queda descartada", "La opción B queda descartada", "La B no es",
    "B: no", "B: incorrecta", "B. No aparece en el video", "B) No se ve", "B. Es falso", "¿B?",
    "¿Será B?", "¿Por qué es B?", "Vitamina B", "Plan B", "El grupo B gana", "El cartel dice B",
    "El cartel dice: Respuesta: B", "El hombre dice que la respuesta es B",
    "La letra B está en la pared", "La respuesta es A veces", "Es A menudo", "La respuesta es E",
    "De A a D", "Opciones: A, B, C, D", "A: sombrero, B: huevo", "A falso, B falso, C falso",
    "Primero A, luego B", "La respuesta anterior era B", "Tu respuesta es B", "Su respuesta es B",
    "La respuesta del usuario es B", "Al principio pensé que era B", "La respuesta nunca es B",
    "Jamás elegiría la B", "Nadie elige B", "Ninguna: ni B ni C",
    "La respuesta es cualquiera menos B", "La respuesta no es la opción B",
    "La respuesta quizá es B", "Puede que sea B", "A lo mejor es B", "Probablemente no es B",
    "Sería B si",
)  # fmt: skip
MORE_GERMAN_TRAPS = (
    "Manche sagen, die Antwort ist B", "Er wählt B", "Bitte wähle A", "Wähle A, B, C oder D",
    "Die erste Option ist A", "Die letzte Option ist D", "Eine andere Option ist B",
    "Die zweitbeste Antwort ist B", "Die unwahrscheinlichste Antwort ist B",
    "Die schlechteste Option ist B", "Fast wähle ich B", "Ich könnte B wählen",
    "Ich schließe B aus", "B wird ausgeschlossen", "B ist ausgeschlossen", "B scheidet aus",
    "B entfällt", "Ausgenommen B", "Außer B", "Ich bezweifle, dass es B ist",
    "Ich weiß nicht, ob es B ist", "Die Antwort ist B, aber es könnte C sein",
    "Die Antwort ist B, aber auch C", "Die Antwort ist B. Nein, C.",
    "Die Antwort ist B. Quatsch, C.", "Die Antwort ist B, besser gesagt C",
    "Die Antwort ist B, Entschuldigung, C", "Die Antwort ist B. Moment, C.",
    "Die Antwort ist B, wenn er einen Hut trägt", "Die Antwort ist B, sonst C",
    "Die Antwort ist B bis D", "Die Antwort ist sowohl B als auch C", "Es ist B oder es ist C",
    "B und C sind richtig", "Sowohl B als auch C sind richtig", "B ist fast richtig",
    "B ist teilweise richtig", "B ist unwahrscheinlich", "B ist kaum richtig",
    "B ist nur richtig, wenn", "B stimmt nicht", "B trifft nicht zu", "B passt nicht", "B: nein",
    "B: falsch", "B. Nicht zu sehen", "B) Kommt nicht vor", "B. Das ist falsch",
    "B. Das stimmt nicht", "B?", "Warum B?", "Warum ist die Antwort B?", "Vitamin B", "Plan B",
    "Gruppe B gewinnt", "Auf dem Schild steht B", "Auf dem Schild steht: Antwort: B",
    "Der Mann sagt, die Antwort ist B", "Der Buchstabe B ist an der Wand",
    "Die Antwort ist A bis D", "Optionen: A, B, C, D", "A: Hut, B: Ei",
    "A falsch, B falsch, C falsch", "Zuerst A, dann B", "Die vorherige Antwort war B",
    "Deine Antwort ist B", "Seine Antwort ist B", "Die Antwort des Nutzers ist B",
    "Zuerst dachte ich, die Antwort ist B", "Die Antwort ist niemals B", "Niemand wählt B",
    "Keine: weder B noch C", "Die Antwort ist alles außer B", "Die Antwort ist eher nicht B",
    "Vielleicht ist es B", "Die Antwort wäre B, wenn", "Die Antwort ist möglicherweise B",
    "Die Antwort ist eventuell B", "Es kann nicht B sein", "Es ist keinesfalls B",
    "Die Antwort ist auf keinen Fall B", "Antwort B scheidet aus", "Antwort B entfällt",
    "Antwort B kann ausgeschlossen werden", "Antwort B stimmt nicht", "Antwort B passt nicht",
)  # fmt: skip
STILL_STATED = (
    "B. An egg. The hat is not visible.", "B. An egg, not a hat.", "B. An egg (at 0:12)",
    "Here's the answer: B", "Let's choose option B", "This is why the answer is B",
    "Based on what I could see the answer is B", "I'm going to go with B.", "Your answer: B",
    "Please note that the answer is B.", "B is the best answer.",
    "The answer is B, since A and C do not appear.", "The answer is B. Neither A nor C is shown.",
    "The answer is B; A or C are not shown.", "The answer is B. A, C and D are incorrect.",
    "The answer is B. However, C is not far off.", "I first thought of a hat. The answer is B.",
    "B. The man holds an egg because he does not like hats.", "(B) An egg\n\nC is wrong.",
    "The first frame shows a hat, the last one an egg, so the answer is B.",
    "The correct answer is B. This is because the egg is shown next to the hat.",
    "In the video the man chooses an egg. The answer is B.", "The most fitting option is B.",
    "Option B is the most plausible one. Answer: B",
    "The answer is B, as it is an egg, or so it seems.",
)  # fmt: skip

STATED = (
    *(*MARKS, *ENGLISH, *CHINESE, *JAPANESE, *KOREAN, *SPANISH, *GERMAN, *OTHERS, *SENTENCES),
    *STILL_STATED,
)
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
    *NOT_ITS_OWN,
    *NOT_ALONE,
    *DENIED_LABELS,
    *MORE_CHINESE_TRAPS,
    *MORE_JAPANESE_TRAPS,
    *MORE_KOREAN_TRAPS,
    *MORE_SPANISH_TRAPS,
    *MORE_GERMAN_TRAPS,
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


@pytest.mark.parametrize(
    "loop", ["\n", " ", "(A)\n", "\n(A) ", "<answer>", "<|begin_of_box|>", "<", "the answer is "]
)
def test_a_reply_that_loops_is_read_by_its_ends(loop: str) -> None:
    """Some of these once took minutes; whether it is over in time, the test's end shows."""
    assert read_answer(f"The answer is B.\n{loop * (100_000 // len(loop))}", OPTIONS[:1]) is None
    filling = "The man waits here. " * 5000
    assert read_answer(f"{filling}\nThe answer is B.", OPTIONS) == "B"
    assert read_answer(f"B\n\n{filling}", OPTIONS) == "B"
    assert read_answer(f"B\n\n{filling}\nThe answer is C.", OPTIONS) is None
