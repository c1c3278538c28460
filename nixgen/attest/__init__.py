"""Statements about images, and who vouches for them: in-toto statements in Sigstore bundles."""
