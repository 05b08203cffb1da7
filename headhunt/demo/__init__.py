"""The synthetic CCTV world and the small model that lives in it; importing this package imports nothing heavy."""
