"""The implementations of the ports, each named after its system.

Law: no adapter knows another; each SDK is used by one adapter only.
"""
