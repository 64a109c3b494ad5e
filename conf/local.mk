# Samples: installed for reading, tested as they are.
forebayconfdir = $(datadir)/forebay/examples
dist_forebayconf_DATA = \
  %D%/forebay.yaml \
  %D%/minimal.yaml \
  %D%/mosquitto-forebay.conf \
  %D%/quickstart.proto \
  %D%/quickstart.yaml \
  %D%/sparkplug-host.yaml \
  %D%/sparkplug-edge.yaml

# The operator's file is never overwritten, and removed only while it is still ours.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/forebay'
	test -e '$(DESTDIR)$(sysconfdir)/forebay/forebay.yaml' || \
	  $(INSTALL_DATA) '$(srcdir)/conf/forebay.yaml' '$(DESTDIR)$(sysconfdir)/forebay/forebay.yaml'

uninstall-local:
	if cmp -s '$(srcdir)/conf/forebay.yaml' '$(DESTDIR)$(sysconfdir)/forebay/forebay.yaml'; then \
	  rm -f '$(DESTDIR)$(sysconfdir)/forebay/forebay.yaml'; \
	fi
