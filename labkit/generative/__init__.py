"""The AI layer: a chemical language model, its training, sampling, and goal-directed generation."""

from labkit.generative._breeding import Breeding as Breeding
from labkit.generative._card import build_prior as build_prior
from labkit.generative._card import judge as judge
from labkit.generative._card import judge_strings as judge_strings
from labkit.generative._distribution import Distribution as Distribution
from labkit.generative._distribution import distribution as distribution
from labkit.generative._optimiser import Optimiser as Optimiser
from labkit.generative._optimiser import OptimiserSettings as OptimiserSettings
from labkit.generative._optimiser import Proposed as Proposed
from labkit.generative._prior import DEFAULT_PRIOR as DEFAULT_PRIOR
from labkit.generative._prior import Prior as Prior
from labkit.generative._prior import generate as generate
from labkit.generative._prior import generate_counted as generate_counted
from labkit.generative._prior import load_prior as load_prior
from labkit.generative._prior import sample as sample
from labkit.generative._prior import save_prior as save_prior
from labkit.generative._prior import valid_smiles as valid_smiles
from labkit.generative._reading import Reading as Reading
from labkit.generative._reading import next_tokens as next_tokens
from labkit.generative._reading import read as read
from labkit.generative._tasks import TASKS as TASKS
from labkit.generative._tasks import task as task
from labkit.generative._training import PriorTraining as PriorTraining
from labkit.generative._training import train_prior as train_prior
from labkit.generative._vocabulary import Vocabulary as Vocabulary
from labkit.generative._vocabulary import tokenize as tokenize
