"""Tests of rendering strangers' templates."""
