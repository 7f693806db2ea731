import tomllib
from pathlib import Path

import pytest
import tomli_w

from labkit.campaign import Campaign, Run, Specification, load_specification
from labkit.errors import InputError
from labkit.store import data_path

PHOTOSENSITISER = "cce23993ca869fb41411b6a74d3fe7d5ac1cf469c4093f3db2365a2e4ef81e95"
SHIPPED = sorted(path.stem for path in data_path("campaigns").glob("*.toml"))


def test_three_campaigns_ship() -> None:
    assert SHIPPED == ["abl1", "photosensitiser", "quick"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_campaigns_load_by_name_and_by_path(name: str) -> None:
    specification = load_specification(name)
    assert specification.name == name and specification.target == "abl1"
    assert load_specification(data_path("campaigns", f"{name}.toml")) == specification


def test_a_specification_survives_its_file() -> None:
    specification = load_specification("quick", ["triage.mw=[200, 400]"])
    text = tomli_w.dumps(specification.model_dump(mode="json", exclude_none=True))
    again = Specification.model_validate(tomllib.loads(text))
    assert again.identity == specification.identity


def test_the_identity_follows_what_decides_the_outcome() -> None:
    base = load_specification("quick")
    described = load_specification("quick", ["description='other words'"])
    assert described.description != base.description and described.identity == base.identity
    changed = [
        *("seed=99", "rounds=99", "generator.beta=21.5", "generator.learning=false", "docking.seed=99"),
        *("objective.qed.weight=7.0", "triage.min_qed=0.33", "interaction.shots=999"),
    ]
    identities = {load_specification("quick", [override]).identity for override in changed}
    assert len(identities | {base.identity}) == len(changed) + 1


def test_keys_that_came_later_leave_the_identity_of_older_runs_alone() -> None:
    shipped = Run.open(data_path("runs", "quick"))
    assert shipped.specification.identity == shipped.manifest["identity"]
    # Of a campaign with other sections, from the version that wrote the run above.
    assert load_specification("photosensitiser").identity == PHOTOSENSITISER
    base = load_specification("quick")
    unchanged = ["generator.bucket=0", "generator.good=0.4", "combine='product'"]
    assert {load_specification("quick", [override]).identity for override in unchanged} == {base.identity}
    changed = [
        *("generator.bucket=5", "generator.good=0.6", "combine='sum'"),
        *("generator.breeding={children=8}", "generator.breeding={children=8, start=16}"),
        *("generator.constraint.near='CCO'", "generator.constraint.link='CCO'"),
    ]
    identities = {load_specification("quick", [override]).identity for override in changed}
    assert len(identities | {base.identity}) == len(changed) + 1


@pytest.mark.parametrize(("combine", "expected"), [("product", 0.5 ** (1 / 4)), ("sum", 1 - 0.5 / 4)])
def test_the_score_is_a_product_or_a_sum(combine: str, expected: float) -> None:
    wanted = ["objective={qed={direction='maximise', range=[0.0, 1.0]}}", f"combine='{combine}'"]
    specification = load_specification(
        "quick", [*wanted, "objective.sa={direction='minimise', range=[1, 3], weight=3}"]
    )
    assert specification.score({"qed": 0.5, "sa": 1.0}) == pytest.approx(expected)


def test_overrides_reach_every_level() -> None:
    specification = load_specification(
        "quick",
        [
            "rounds=7",
            "generator.learning=false",
            "objective.logp={direction='window', range=[1, 3]}",
            "name=mine",
        ],
    )
    assert (specification.rounds, specification.generator.learning, specification.name) == (7, False, "mine")
    assert specification.objective["logp"].range == (1, 3)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        # unknown keys, at every level, with the nearest one that exists
        ("propsals=3", "propsals is no key; did you mean proposals?"),
        ("generator.betta=3", "generator.betta is no key; did you mean beta?"),
        ("docking.exhaustivness=3", "docking.exhaustivness is no key; did you mean exhaustiveness?"),
        ("interaction.shot=500", "interaction.shot is no key; did you mean shots?"),
        ("triage.heavyatoms=[1, 2]", "triage.heavyatoms is no key; did you mean heavy_atoms?"),
        ("objective.qed.wieght=3", "objective.qed.wieght is no key; did you mean weight?"),
        ("zzz=3", "zzz is no key; known are name, description"),
        # budgets
        ("proposals=-16", "proposals = -16: "),
        ("rounds=-1", "rounds = -1: "),
        ("rounds=0", "rounds = 0: "),
        ("rounds=2.5", "rounds = 2.5: "),
        ("interaction.shots=-5", "interaction.shots = -5: "),
        ("interaction.candidates=0", "interaction.candidates = 0: "),
        ("triplet={candidates=17}", "triplet.candidates = 17 exceeds proposals = 16"),
        ("triplet={orbitals=8}", "triplet.orbitals is no key; did you mean max_orbitals?"),
        ("objective.qed.fall=[1, 2]", "fall [1.0, 2.0]: two numbers above 0, for a window alone"),
        ("interaction.candidates=17", "interaction.candidates = 17 exceeds proposals = 16"),
        ("docking.exhaustiveness=0", "docking.exhaustiveness = 0: "),
        ("seed=-1", "seed = -1: "),
        ("docking.seed=4294967296", "docking.seed = 4294967296: "),
        # numbers
        ("generator.beta=nan", "generator.beta = nan: "),
        ("generator.learning_rate=inf", "generator.learning_rate = inf: "),
        ("generator.batch='many'", "generator.batch = 'many': "),
        ("triage.min_qed=nan", "triage.min_qed = nan: finite"),
        ("triage.min_qed='high'", "triage.min_qed = 'high': "),
        ("triage.heavy_atoms=5", "triage.heavy_atoms = 5: "),
        ("triage.heavy_atoms=[30, 10]", "heavy_atoms = (30, 10): two numbers are needed, the smaller first"),
        ("triage.elements=['Xx']", "'Xx' is no chemical element"),
        ("triage=3", "triage = 3: "),
        # by value
        ("interaction.choice='worth'", "interaction.choice = 'worth': "),
        ("screening={cost=0}", "screening.cost = 0: "),
        ("screening={candidates=17}", "screening.candidates = 17 exceeds proposals = 16"),
        ("triplet={choice='value'}", "triplet.choice = 'value' needs a component of [triplet] or above"),
        # the search
        ("generator.breeding.mutation=0.5", "generator.breeding.children is missing"),
        ("generator.breeding={children=8, kapa=1}", "generator.breeding.kapa is no key; did you mean kappa?"),
        ("generator.breeding.children=0", "generator.breeding.children = 0: "),
        ("generator.breeding={children=8, mutation=1.5}", "generator.breeding.mutation = 1.5: "),
        ("generator.breeding=7", "generator.breeding = 7: "),
        ("generator.bucket=-1", "generator.bucket = -1: "),
        ("generator.constraint={}", "generator.constraint: one of decorate, link and near is needed"),
        ("generator.constraint={near='C', link='C'}", "one of decorate, link and near is needed"),
        ("generator.constraint.similarty=1", "constraint.similarty is no key; did you mean similarity?"),
        ("combine='mean'", "combine = 'mean': "),
        # the objective
        ("objective.qed.range=[0.9, 0.3]", "objective.qed: range [0.9, 0.3]: two finite numbers"),
        ("objective.qed.range=[nan, 0.3]", "objective.qed: range [nan, 0.3]: two finite numbers"),
        ("objective.qed.range=[0.0, inf]", "objective.qed: range [0.0, inf]: two finite numbers"),
        ("objective.qed.range=[0.3]", "objective.qed.range.1 is missing"),
        ("objective.qed.weight=0", "objective.qed.weight = 0: "),
        ("objective.qed.direction='up'", "objective.qed.direction = 'up': "),
        ("objective.qde={direction='maximise', range=[0, 1]}", "'qde' is no component; did you mean qed?"),
        ("objective={}", "objective: "),
        # names
        ("name='../../etc/passwd'", "name = '../../etc/passwd': "),
        ("name=''", "name = '': "),
        ("name='a/b'", "name = 'a/b': "),
        # overrides themselves
        ("rounds", "--set 'rounds': write key=value"),
        ("=3", "--set '=3': write key=value"),
        ("rounds.x=3", "--set 'rounds.x=3': 'rounds' is a value"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(override: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        load_specification("quick", [override])
    text = str(caught.value)
    assert told in text and "\n" not in text
    assert "quick" in text or override in text


@pytest.mark.parametrize(
    ("campaign", "section", "told"),
    [
        ("quick", "interaction", r"interaction_energy needs a section \[interaction\]"),
        (
            "quick",
            "docking",
            r"\[docking\] or \[triplet\] is needed|\[interaction\] needs a section \[docking\]",
        ),
        ("photosensitiser", "triplet", r"a section \[docking\] or \[triplet\] is needed"),
    ],
)
def test_what_is_scored_needs_its_section(campaign: str, section: str, told: str, tmp_path: Path) -> None:
    content = tomllib.loads(data_path("campaigns", f"{campaign}.toml").read_text())
    del content[section]
    file = tmp_path / "mine.toml"
    file.write_text(tomli_w.dumps(content))
    with pytest.raises(InputError, match=rf"mine\.toml': .*({told})"):
        load_specification(file)


def test_a_screening_needs_the_contacts_of_the_interaction(tmp_path: Path) -> None:
    content = tomllib.loads(data_path("campaigns", "quick.toml").read_text())
    del content["interaction"], content["objective"]["interaction_energy"]
    file = tmp_path / "mine.toml"
    file.write_text(tomli_w.dumps(content | {"screening": {}}))
    with pytest.raises(InputError, match=r"\[screening\] needs a section \[interaction\]"):
        load_specification(file)


def test_what_chooses_by_value_is_another_campaign_and_the_default_is_not() -> None:
    plain = load_specification("quick").identity
    assert load_specification("quick", ["interaction.choice='best'"]).identity == plain
    assert load_specification("quick", ["interaction.choice='value'"]).identity != plain
    assert load_specification("quick", ["screening.cost=0.02"]).identity != plain


@pytest.mark.parametrize("key", ["name", "rounds", "proposals", "objective"])
def test_what_is_missing_is_named(key: str, tmp_path: Path) -> None:
    content = tomllib.loads(data_path("campaigns", "quick.toml").read_text())
    del content[key]
    file = tmp_path / "mine.toml"
    file.write_text(tomli_w.dumps(content))
    with pytest.raises(InputError, match=f"mine.toml': {key} is missing"):
        load_specification(file)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'name = "x"\nrounds = = 3\n', "line 2"),
        (b"\xff\xfe\x00", "is no TOML"),
        (b"", "name is missing"),
    ],
)
def test_a_file_that_is_no_campaign_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=f"mine.toml.*{told}") as caught:
        load_specification(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["quikc", "absent.toml", "."])
def test_a_missing_campaign_is_told_with_those_that_ship(source: str) -> None:
    with pytest.raises(
        InputError, match=r"no campaign '.*'; name a \.toml file or one of: abl1, photo.*, quick"
    ):
        load_specification(source)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("target=abl2", r"target 'abl2': not known; there are abl1"),
        ("generator.prior=chembl", r"no prior 'chembl'; .* one of: .*zinc250k"),
        ("interaction.level=perfect", r"perfect"),
        ("triplet={solver='magic'}", r"magic"),
    ],
)
def test_what_a_campaign_names_must_be_there_before_a_run_begins(
    override: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told):
        Campaign.load("quick", [override]).run(out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_senseless_seed_is_told(seed: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"seed {seed}"):
        Campaign.load("quick").run(seed, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
