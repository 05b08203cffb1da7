"""The model card: what the embedded model is, what it learnt from and how, how it scores, what it cannot do."""

from __future__ import annotations

from headhunt.records import Json

_HEAD = """# Model card: the embedded model of vadkit

A small multimodal language model of the class `InternVLForConditionalGeneration` (transformers). It looks at
{frames} frames of a segment of {length} native frames ({height}x{width} pixels each) and describes in English what is
visible. It was trained from random weights on rendered video only, so that vadkit's demo and tests mean something on a
machine without a network. It knows one small synthetic world and nothing else.

## Size

| | |
|---|---|
| parameters | {parameters:,} ({vision:,} of them in the vision tower) |
| decoder | {layers} layers x {heads} query heads, width {hidden} |
| visual tokens a frame | {tokens} |
| vocabulary | {vocabulary} tokens: every byte, the {words} words of the descriptions, and what frames and turns need |
| weights | float16 safetensors, {megabytes:.1f} MB |

A word outside the vocabulary is spelt in bytes. In training, questions that ask for a whole description contain random
letters in places, so bytes are nothing new to the model; such words carry no meaning for it.

## Data

Everything is rendered on the fly by `headhunt.demo.world` from seeds of its world "train". Texts come from
`headhunt.demo.training.language`: for each segment, one description and short questions with answers about who, how
many, doing what, which way, how fast, which objects, light and place. The texts say nothing about what is usual,
allowed or harmless and name no kind or category of a video; only the choice of scenes to render knows the categories,
so that every action occurs. Cameras, textures and seeds of the world "eval" are never trained on.

## Training

There are three phases. In the first, the decoder learns its language on segments told in words instead of pixels: a
visual token is the sum of those of {shown} words (kinds, colours, actions, directions, numbers, place, light) that its
part of the frame shows. In the second, the vision tower learns from single frames which words each patch and each
visual token shows, rare words weighing more, and where people's heads, hands and feet are, and learns to produce such
tokens; two thirds of those frames are of crowds in which every action is about equally frequent
(`headhunt.demo.training.crowds`). In the third, the decoder learns on segments as the vision tower sees them.

The decoder learns by next-token prediction on the answers, words for actions weighing more. It also learns to make
readable, after some of its layers, which words and how many people and cars each frame shows, and which words the
segment shows. All read-outs are discarded after training. Repeated samples are mirrored, made brighter or darker, or
asked other questions. The weights are a running average over the last steps. At the end, the values of each decoder
layer are scaled so that its head outputs have a root mean square of {level:g} on segments of the world "train", and its
output projection is scaled back: what the model says does not change.
"""

_SPECIALISTS = """
The last heads of every layer are specialists (`headhunt.demo.training.specialists`), added after all other training.
They have the same input as the other heads of their layer. They have learnt to show, at the end of a question, whatever
it asks, which words of one topic the segment shows: actions, who and what there is, place and furniture, colours, or
directions, all topics in turn. Nothing reads their outputs: their columns of `o_proj` are zero, and the model sees and
says what it did without them. Large models have heads that know one thing; in so small a model they do not emerge by
themselves.
"""

_LIMITS = """
## Limits

- It has seen rendered figures only. On real video its words mean nothing; it is there to exercise the pipeline.
- It counts badly beyond a few people, and easily misses people who are far away or hidden.
- It cannot read questions in words it does not know; it answers them with a description.
- It says what is visible. It has no notion of what should or should not happen.
- The scores above are on rendered video from the same renderer, with other cameras, textures and seeds.
"""


def model_card(facts: Json, runs: list[Json], judged: Json | None, examples: list[Json]) -> str:
    """The card as Markdown.

    Args:
        facts: The sizes: frames, length, height, width, parameters, vision, layers, heads, hidden, tokens, vocabulary,
            words, megabytes, shown, level.
        runs: Figures of each training run, label -> value, oldest first.
        judged: Scores from `held_out.judge`; None if the model was not judged.
        examples: Examples of descriptions, from the same.
    """
    parts = [_HEAD.format(**facts)]
    if any("specialists" in run for run in runs):
        parts.append(_SPECIALISTS)
    labels = dict.fromkeys(label for run in runs for label in run)
    heads = ["", *(f"run {i}" for i in range(1, len(runs) + 1))] if len(runs) > 1 else ["", ""]
    parts.append(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|\n")
    parts += [f"| {label} | {' | '.join(str(run.get(label, '')) for run in runs)} |\n" for label in labels]
    last = "specialists.csv" if "specialists" in runs[-1] else "log.csv"
    logs = ", ".join(f"`{name}`" for name in [*(f"log-{i}.csv" for i in range(1, len(runs))), last])
    begun = " Each run started from the weights of the one before." if len(runs) > 1 else ""
    parts.append(f"\nThe log of each run: {logs}.{begun}\n")
    if judged is not None:
        parts.append(_scores(judged))
        parts.append(_examples(examples))
    parts.append(_LIMITS)
    return "".join(parts)


def _scores(judged: Json) -> str:
    columns = ("scores", "same words for all", "another segment")
    names = list(judged["scores"])
    lines = [
        "\n## Held-out descriptions\n",
        f'{judged["segments"]} segments of {judged["videos"]} videos of the world "eval" (seeds from '
        f'{judged["first_seed"]:,} on, through H.264), asked "{judged["question"]}", decoded greedily. The scores are',
        "defined in `headhunt.demo.training.held_out.scores`. There are two references: the one text that fits all",
        "segments best, and the true description of another segment.\n",
        "| slot | model | " + " | ".join(columns[1:]) + " |",
        "|---|---|---|---|",
        *(f"| {name} | " + " | ".join(f"{judged[column][name]:.3f}" for column in columns) + " |" for name in names),
        "\n`mean` is over count, actor, action, object and light. The full record is in `scores.json`.\n",
    ]
    return "\n".join(lines)


def _examples(examples: list[Json]) -> str:
    lines = ["\n### Examples, not hand-picked\n"]
    for example in examples[:4]:
        lines += [f"- said: {example['said']}", f"  true: {example['true']}"]
    return "\n".join(lines) + "\n"
