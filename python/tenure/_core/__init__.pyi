from . import events as events
from . import survival as survival
