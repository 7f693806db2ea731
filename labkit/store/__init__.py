from labkit.store._arrays import load_arrays as load_arrays
from labkit.store._arrays import save_arrays as save_arrays
from labkit.store._arrays import write_atomically as write_atomically
from labkit.store._data import data_path as data_path
