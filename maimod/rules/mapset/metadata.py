"""Metadata rules of the ranking criteria: markers in titles, romanised fields, tags. One finding for all difficulties
with the same value."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator

import msgspec

from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import Beatmap
from maimod.osu.level import with_straight_apostrophes
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.sets import LAZER, set_id
from maimod.rules.mapset.titles import Fault, credit_faults, markers, title_faults

TITLE_MARKER = Rule(
    "mapset/title-marker",
    "Marker of the title in another form",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Cuts and versions of songs are marked in the same form, so that they can be found and distinguished.",
    how="Titles are read as a name and markers. Words such as TV size, game version, short, cut, sped up or nightcore "
    "version must have the form of (TV Size), (Game Ver.), (Short Ver.), (Cut Ver.), (Sped Up Ver.), (Nightcore Mix), "
    "(Sped Up & Cut Ver.) or (Nightcore & Cut Ver.), both romanised and Unicode; in a title of small or of capital letters "
    "they may have those. Words that may be the song's own are a warning: speed up, OP version, TV edit, extended version, two "
    "markers of length, (Sped Up Ver.) of nightcore. Other versions as (Piano ver.) instead of (Piano Ver.) are a minor, and so are "
    "brackets with kana or kanji at the end of the Unicode title where only the romanised one has a marker. In sets submitted before 2018 "
    "(ids below 700,000) none is a problem.",
    advice="Write it as the criteria do.",
    ignore_when="the words are part of the song's own title and mean something else",
    blind_spots="Cut songs without any marker; markers in other languages.",
    source=f"{PAGE}#metadata",
)
MARKER = Rule(
    "mapset/artist-marker",
    "feat., vs. or CV: in another form",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Artists are credited in one form throughout the game.",
    how="Artist and title, romanised and Unicode, write feat., vs. and (CV: name) or (VO: name), with a space after each, rather "
    "than other forms of them; in a field of small or of capital letters they may have those. Commas and & between artists "
    "have a space after them.",
    advice="Check how the artist writes it.",
    ignore_when="the artist's name is written that way",
    blind_spots="Credits left out.",
    source=f"{PAGE}#metadata",
)
ROMANISED = Rule(
    "mapset/romanised",
    "Romanised field with other characters",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Players without the fonts see the romanised fields, and can type them to search.",
    how="Artist, Title and Creator contain a character that is not ASCII. In the name of a difficulty, other characters than "
    "letters and digits are a minor: the criteria discourage them.",
    advice="Romanise it; the original goes in the Unicode field.",
    ignore_when="never; the Unicode fields are for that",
    blind_spots="Romanisations that are wrong.",
    source=f"{PAGE}#metadata",
)
TAGS = Rule(
    "mapset/tags-genre-language",
    "No genre or language in the tags",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Players search for songs by genre and language.",
    how="The tags hold one of the game's genres and a language. A genre counts at the end of a word (jpop, electropop, "
    "videogame), but not elsewhere in it (popular). All ranked sets submitted since the "
    "criteria require it have them, and hardly any older ones, in which it is a minor.",
    advice="Add what is missing.",
    ignore_when="the genre is none of the game's",
    blind_spots="Wrong genres; languages that few songs have.",
    source=f"{LAZER}/CheckMissingGenreLanguage.cs",
)
GUEST = Rule(
    "mapset/guest-tag",
    "Guest mapper missing in the tags",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Mappers of guest difficulties must be searchable by their names.",
    how="The names before 's in the name of a difficulty are in the tags, at the beginning of a word (a nickname may be the "
    "beginning of a name), or are the creator's.",
    advice="Add the user name of the guest to the tags.",
    ignore_when="the name is a joke or a nickname and the user name is in the tags",
    blind_spots="Guests not named in the difficulty; nicknames.",
    source=f"{PAGE}#metadata",
)

GUILD = Rule(
    "mapset/mappers-guild",
    "Set of the Mappers' Guild",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Quests of the Mappers' Guild ask for a background that may be used freely.",
    how="The tags name the guild (mpg, mappers' guild).",
    advice="Check that you have the rights to the background.",
    ignore_when="the background is yours, or its author allows it",
    blind_spots="The picture itself.",
    source="https://osu.ppy.sh/wiki/en/Community/Mappers_Guild",
)
LEFT_OVER = Rule(
    "mapset/left-over-difficulty",
    "Difficulty for work on the set",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A difficulty that only contains hitsounds or timing is not for playing, and must not be uploaded with the "
    "others.",
    how="It is named hitsounds, hitsounding, timing, keysounds or similar, and is in a set with other difficulties. It "
    "is not checked itself, and nothing is compared with it.",
    advice="Remove it before you upload.",
    ignore_when="the set is still being worked on",
    blind_spots="Such difficulties by other names.",
    source=f"{PAGE}#general",
)

GENRES = (
    "video game",
    "anime",
    "rock",
    "pop",
    "novelty",
    "hip hop",
    "electronic",
    "metal",
    "classical",
    "folk",
    "jazz",
)
LANGUAGES = frozenset(
    [
        "instrumental",
        "english",
        "chinese",
        "mandarin",
        "cantonese",
        "japanese",
        "korean",
        "french",
        "german",
        "italian",
        "spanish",
        "russian",
        "polish",
        "swedish",
        "arabic",
        "bulgarian",
        "conlang",
        "croatian",
        "czech",
        "danish",
        "dutch",
        "estonian",
        "filipino",
        "finnish",
        "greek",
        "hawaiian",
        "hebrew",
        "hindi",
        "hungarian",
        "icelandic",
        "indonesian",
        "irish",
        "kazakh",
        "latin",
        "latvian",
        "lithuanian",
        "malay",
        "mongolian",
        "norwegian",
        "persian",
        "portuguese",
        "romanian",
        "serbian",
        "slovak",
        "slovenian",
        "tagalog",
        "taiwanese",
        "thai",
        "tibetan",
        "turkish",
        "ukrainian",
        "unspecified",
        "vietnamese",
    ]
)
"""Genres of the game's own list; languages of its list and others that songs are sung in. None of 18 ranked sets with
ids above 1.3 million lacks a genre or language, 224 of
261 older ones do. Of 305 ranked songs 15 have a title marker in another form and 16 a credit, all from before 2020; 34
of 279 sets a guest (a nickname, mostly) who is not in the tags."""


NO_NAMES = frozenset(
    {
        "it",
        "that",
        "this",
        "what",
        "here",
        "there",
        "let",
        "who",
        "he",
        "she",
        "one",
        "the",
        "today",
        "tomorrow",
        "my",
        "your",
    }
)
"""Words that are not the name of a guest, nor a part of one: "Exit this Earth's Atmosphere" has no guest."""
LONG_NAME = 5
"""Letters of a name that is found inside a word as well."""
TAGS_SINCE = 1_300_000
"""Sets with a smaller id were submitted before the criteria required genre and language."""
MARKERS_SINCE = 700_000
"""Sets with a smaller id were submitted before 2018, when the criteria had no standard forms of markers; eight ranked maps of the
training split are such sets."""
Check = Callable[[str, str, Beatmap], Iterator[Fault]]
"""Function of a field's name, its value and the difficulty it is from."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    yield from _each(evidence, "Title", TITLE_MARKER, _title_markers)
    for key in ("Artist", "Title"):
        yield from _each(evidence, key, MARKER, _credits)
        yield from _each(evidence, key, ROMANISED, _other_letters)
    for key in ("Creator", "Version"):
        yield from _each(evidence, key, ROMANISED, _other_letters)
    yield from _each(evidence, "Tags", TAGS, _tags)
    yield from _each(evidence, "Tags", GUILD, _guild)
    yield from _guests(evidence)
    for beatmap in evidence.mapset.work:
        yield from evidence.candidate(
            LEFT_OVER,
            beatmap,
            line=beatmap.line_of("Metadata", "Version"),
            certainty=Certainty.CERTAIN,
            actual=beatmap.version,
            message=f"[{beatmap.version}] seems to be for work on the set. It was not checked itself, and the other "
            "difficulties were not compared with it.",
        )


def _each(evidence: MapsetEvidence, key: str, rule: Rule, check: Check) -> Iterator[Placed]:
    """Check each different value of a field in the set once; a fault of both fields of a name is one finding."""
    groups: dict[tuple[str, str], list[Beatmap]] = defaultdict(list)
    for beatmap in evidence.beatmaps:
        groups[beatmap.metadata.get(key, ""), beatmap.metadata.get(f"{key}Unicode", "")].append(beatmap)
    for beatmaps in groups.values():
        for fault in check(key, beatmaps[0].metadata.get(key, ""), beatmaps[0]):
            yield from evidence.candidate(
                rule,
                beatmaps,
                line=beatmaps[0].line_of("Metadata", key),
                message=fault.message,
                subject=f"{key} {fault.expected}",
                actual=beatmaps[0].metadata.get(key, ""),
                certainty=fault.certainty,
                expected=[Expected(fault.expected)],
            )


def _both_fields(key: str, beatmap: Beatmap, faults: Callable[[str], Iterator[Fault]]) -> Iterator[Fault]:
    """Faults of a romanised field, and those that only its Unicode field has."""
    named = set()
    for field in (key, f"{key}Unicode"):
        value = beatmap.metadata.get(field, "")
        for fault in faults(value):
            if fault.expected not in named:
                named.add(fault.expected)
                yield msgspec.structs.replace(fault, message=f'{field} "{value}" {fault.message}.')


_IN_JAPANESE = re.compile(r"[(\uff08][^()\uff08\uff09]*[\u3040-\u30ff\u4e00-\u9fff][^()\uff08\uff09]*[)\uff09]\s*$")
"""Brackets, of full width or not, with kana or kanji in them at the end of a title."""


def _milder(fault: Fault) -> Fault:
    """A fault that is no problem."""
    return msgspec.structs.replace(fault, certainty=max(fault.certainty, Certainty.LIKELY, key=list(Certainty).index))


def _title_markers(key: str, value: str, beatmap: Beatmap) -> Iterator[Fault]:
    tags, unicode_value = beatmap.metadata.get("Tags", ""), beatmap.metadata.get("TitleUnicode", "")
    faults = list(_both_fields(key, beatmap, lambda title: title_faults(title, tags)))
    number = set_id(beatmap)
    is_old = number is not None and number < MARKERS_SINCE
    yield from (_milder(fault) for fault in faults) if is_old else faults
    if not unicode_value or any(fault.certainty is Certainty.CERTAIN for fault in faults):
        return
    romanised, other = ({one.standard for one in markers(title) if one.is_sure} for title in (value, unicode_value))
    for marker in sorted(romanised ^ other):
        where = "romanised" if marker in romanised else "Unicode"
        fault = Fault(f"Only the {where} title has the marker {marker}.", marker)
        if marker in romanised and (written := _IN_JAPANESE.search(unicode_value)):
            message = f'The Unicode title has "{written[0]}" where the romanised one has {marker}.'
            fault = Fault(message, marker, Certainty.POSSIBLE)
        yield _milder(fault) if is_old else fault


def _credits(key: str, value: str, beatmap: Beatmap) -> Iterator[Fault]:
    for fault in _both_fields(key, beatmap, lambda field: credit_faults(field, key == "Artist")):
        yield _milder(fault)


def _other_letters(key: str, value: str, beatmap: Beatmap) -> Iterator[Fault]:
    others = sorted({letter for letter in value if not " " <= letter <= "~"})
    if key == "Version":
        straight = set(with_straight_apostrophes(value))
        others = [letter for letter in others if not letter.isalnum() and letter in straight]
        if others:
            yield Fault(
                f'The name of the difficulty "{value}" contains {" ".join(others[:8])}, which some players do not see.',
                "letters and digits",
                Certainty.POSSIBLE,
            )
    elif others:
        yield Fault(f'{key} "{value}" must be romanised, but contains {" ".join(others[:8])}.', "ASCII")


def _tags(key: str, value: str, beatmap: Beatmap) -> Iterator[Fault]:
    words = re.findall(r"[^\W_]+", value.lower())
    joined = " ".join(words)
    has_genre = any(
        f" {genre} " in f" {joined} " or any(word.endswith(genre.replace(" ", "")) for word in words)
        for genre in GENRES
    )
    missing = [*(() if has_genre else ("genre",)), *(() if LANGUAGES & set(words) else ("language",))]
    if missing:
        number = set_id(beatmap)
        certainty = Certainty.POSSIBLE if number is not None and number < TAGS_SINCE else Certainty.LIKELY
        yield Fault(f"The tags name no {' and no '.join(missing)}.", " and ".join(missing), certainty)


def _guild(key: str, value: str, beatmap: Beatmap) -> Iterator[Fault]:
    if re.search(r"\b(?:mpg|mappers'? ?guild)\b", with_straight_apostrophes(value), re.I):
        message = "The tags name the Mappers' Guild, whose sets need a background that may be used freely."
        yield Fault(message, "a free picture", Certainty.HARMLESS)


def _guests(evidence: MapsetEvidence) -> Iterator[Placed]:
    for beatmap in evidence.beatmaps:
        searched = " ".join(beatmap.metadata.get(key, "") for key in ("Tags", "Creator"))
        missing = [name for name in _guest_names(beatmap.version) if not _is_tagged(name, searched)]
        if missing:
            yield from evidence.candidate(
                GUEST,
                beatmap,
                line=beatmap.line_of("Metadata", "Tags"),
                certainty=Certainty.LIKELY,
                actual=beatmap.metadata.get("Tags", ""),
                expected=[Expected(name) for name in missing],
                message=f"[{beatmap.version}] names {' and '.join(missing)}, who {'is' if len(missing) == 1 else 'are'} not in the tags.",
            )


def _guest_names(version: str) -> list[str]:
    """Names that the name of a difficulty credits: "A" and "B" of "A & B's Hard" or "A's & B's Hard"."""
    rest, owners = with_straight_apostrophes(version), []
    while match := re.match(r"(.+?)(?:'s|(?<=s)')(?=\s)\s*", rest):
        owners.append(match[1])
        rest = rest[match.end() :]
        if not (link := re.match(r"(?:[&,+x]|and\b)\s*", rest)):
            break
        rest = rest[link.end() :]
    # After a bracket or a colon: "HDHR (Someone's Oni)". Names can have square brackets: "[Someone]'s Oni".
    parts = (re.split(r"\(|\s\[(?!.*\])|:", owner)[-1] for owner in owners)
    names = (name.strip() for part in parts for name in re.split(r"\s*[&,]\s*|(?:^|\s+)(?:and|x|vs\.?)\s+", part))
    return [name for name in names if name and not NO_NAMES & set(name.lower().split())]


def _is_tagged(name: str, searched: str) -> bool:
    """Whether words begin as a name does, in their letters and digits; a long name may be inside a word.

    A name of signs alone is looked for as it is.
    """
    words = [_letters(word) for word in searched.split()]
    letters = _letters(name)
    if not letters:
        return name.lower() in searched.lower()
    runs = [""]  # names of several words, with spaces or underscores
    for word in reversed(words):
        runs.append((word + runs[-1])[:100])
    return any(run.startswith(letters) for run in runs) or (
        len(letters) >= LONG_NAME and any(letters in word for word in words)
    )


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


CHECK = MapsetCheck("Metadata", (TITLE_MARKER, MARKER, ROMANISED, TAGS, GUILD, GUEST, LEFT_OVER), run)
