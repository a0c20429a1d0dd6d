"""Training methods: wrappers whose `fit` trains the model inside in another way."""

from lmzoo.training.adversarial import AdversarialTraining
from lmzoo.training.mixup import MixUp

__all__ = ["AdversarialTraining", "MixUp"]
