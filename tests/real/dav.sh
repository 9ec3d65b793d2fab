# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# dav.sh: an Apache with nothing but WebDAV, as nobody special; read by the
# scripts of this directory.

free_port() {
	python3 -c '
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# dav_conf DIRECTORY PORT LOGFORMAT [PATH...]: its httpd.conf; what it serves is
# below DIRECTORY/files. The PATHs are to be its own as well.
dav_conf() {
	local dav=$1
	cat > "$dav/httpd.conf" <<-EOF_CONF
		ServerRoot $dav
		ServerName 127.0.0.1
		Listen 127.0.0.1:$2
		PidFile run/pid
		DefaultRuntimeDir run
		ErrorLog error.log
		LogFormat "$3" short
		CustomLog access.log short
		LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
		LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
		DavLockDB run/locks
		DocumentRoot $dav/files
		<Directory $dav/files>
		Dav On
		Require all granted
		</Directory>
	EOF_CONF
	[ "$(id -u)" = 0 ] || return 0
	printf 'User www-data\nGroup www-data\n' >> "$dav/httpd.conf"
	chown -R www-data:www-data "$dav/files" "$dav/run" "${@:4}"
}
