"""rounds/NNN/simulation.json: how the simulated teachers of a round err, so that its report can say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from prefopt.errors import ProjectError
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.io.strict import StrictError, checked_json
from prefopt.project.project import Round
from prefopt.rankings.simulation_rates import SimulationRates
from prefopt.rounds.reading import Reader

FILE = "simulation.json"


def record_simulation(rnd: Round, rates: Mapping[str, float]) -> None:
    """Keep the rates of the teachers who answered last. Raises pydantic.ValidationError where a rate is missing or unknown."""
    write_sealed(rnd.folder / FILE, SimulationRates.model_validate(rates))


@dataclass(frozen=True)
class Simulated:
    """Read: the rates of a round's simulated teachers; None where none answered through `prefopt teachers simulate`."""

    def load(self, reader: Reader) -> SimulationRates | None:
        # a branch that links collect has the answers of the round it links, and so its teachers
        path = reader.round.stage("collect").resolve().parent / FILE
        if not path.exists():
            return None
        reader.project_file("simulation", path)
        try:
            return SimulationRates.model_validate_json(checked_json(read_sealed(path)))
        except (ValidationError, StrictError):
            raise ProjectError(
                f"{path} is not what prefopt wrote", hint="restore it, or delete it: the report then names no rates"
            ) from None

    def __str__(self) -> str:
        return FILE
