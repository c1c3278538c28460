# The names of all packages that an image's data mentions.
image:
image.contents ++ (if image.build == null then [ ] else image.build.packages)
