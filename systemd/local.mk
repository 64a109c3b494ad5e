# The unit and its user. The paths are those of this installation.
systemd_substitute = $(SED) -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
  -e 's|@sysconfdir[@]|$(sysconfdir)|g'

%D%/forebayd.service: $(srcdir)/%D%/forebayd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(systemd_substitute) $(srcdir)/%D%/forebayd.service.in > $@

if HAVE_SYSTEMD
systemdsystemunit_DATA = %D%/forebayd.service
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(prefix)/lib/sysusers.d'
	$(INSTALL_DATA) '$(srcdir)/%D%/forebay.sysusers' '$(DESTDIR)$(prefix)/lib/sysusers.d/forebay.conf'

uninstall-hook:
	rm -f '$(DESTDIR)$(prefix)/lib/sysusers.d/forebay.conf'
endif
check_DATA = %D%/forebayd.service
EXTRA_DIST += %D%/forebayd.service.in %D%/forebay.sysusers
CLEANFILES += %D%/forebayd.service
