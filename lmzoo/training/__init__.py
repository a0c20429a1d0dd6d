"""Training methods: wrappers whose `fit` trains the model inside in another way."""

from lmzoo.training.adversarial import AdversarialTraining
from lmzoo.training.mixup import MixUp
from lmzoo.training.rdrop import RDrop
from lmzoo.training.wrapper import TrainingMethod

__all__ = ["AdversarialTraining", "MixUp", "RDrop", "TrainingMethod"]
