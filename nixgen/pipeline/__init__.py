"""The stages in order: description, lock, plan, generated Nix, build, image."""
