"""What a computation uses: energy, and how it was obtained."""

from labkit.energy._grid import GridCarbon as GridCarbon
from labkit.energy._grid import carbon_intensity as carbon_intensity
from labkit.energy._grid import local_grid as local_grid
from labkit.energy._machine import rated_power as rated_power
from labkit.energy._machine import read_machine as read_machine
from labkit.energy._meter import Meter as Meter
from labkit.energy._meter import Use as Use
