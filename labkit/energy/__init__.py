"""What a computation uses: energy, and how it was obtained."""

from labkit.energy._meter import Meter as Meter
from labkit.energy._meter import Use as Use
