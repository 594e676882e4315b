# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithms: one class for all that run a command, and the check of the environment."""
