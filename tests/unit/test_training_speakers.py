"""The speaker model's recipe: what is folded into its last layer does what it says."""

import numpy as np
import pytest

from training import speakers, voices

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


def test_a_linear_map_after_the_model_becomes_part_of_it() -> None:
    import torch

    torch.manual_seed(0)
    model = speakers.build()
    heard = torch.randn(6, 150, 80)
    with torch.no_grad():
        model(heard)  # the norms see something
        model.eval()
        before = model(heard).double().numpy()
        dice = np.random.default_rng(0)
        matrix, added = dice.normal(size=(64, 64)), dice.normal(size=64)
        speakers._append(model, matrix, added)
        after = model(heard).double().numpy()
    wanted = before @ matrix.T + added
    assert np.abs(after - wanted).max() < 1e-3 * np.abs(wanted).max()


def test_a_constant_brings_the_middle_to_the_line() -> None:
    import torch

    torch.manual_seed(1)
    model = speakers.build().eval()
    with torch.no_grad():
        matrix = np.eye(64)
        matrix[-1] = 0
        speakers._append(model, matrix, np.zeros(64))
        heard = torch.randn(20, 150, 80)
        plain = model(heard).double().numpy()
        length = float(np.linalg.norm(plain, axis=1).mean())
        cosine = plain[0] @ plain[1] / np.linalg.norm(plain[0]) / np.linalg.norm(plain[1])
        speakers._lift(model, -0.2, length)
        lifted = model(heard).double().numpy()
    raised = lifted[0] @ lifted[1] / np.linalg.norm(lifted[0]) / np.linalg.norm(lifted[1])
    share = (0.4 + 0.2) / 0.6
    assert raised == pytest.approx((cosine + share) / (1 + share), abs=0.15)


def test_people_differ_and_come_again() -> None:
    made = speakers.people(voices.TRAIN, 100, 5)
    assert len(set(made)) == 100
    assert made == speakers.people(voices.TRAIN, 100, 5)
    assert not {person.variant for person in made} & {*voices.TEST, *voices.CHOOSE}
