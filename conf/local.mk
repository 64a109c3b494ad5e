# Samples: installed for reading, tested as they are.
forebayconfdir = $(datadir)/forebay/examples
dist_forebayconf_DATA = \
  %D%/quickstart.proto \
  %D%/quickstart.yaml
