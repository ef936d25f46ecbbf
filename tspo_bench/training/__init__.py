"""Trains the temporal agent: rollouts, rewards, advantages, and the data they are made from."""
