from tenure._core import survival as survival
