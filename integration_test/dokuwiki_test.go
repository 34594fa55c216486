package integration_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// startDokuWiki runs Debian's DokuWiki for PHP-FPM, with pages, a user and a configuration
// of its own, and returns the directives that serve it. What its owner puts into the head
// and before the end of pages is where DokuWiki has a place for it.
func startDokuWiki(t testing.TB, head, foot, start string) string {
	t.Helper()
	root := filepath.Dir(needFile(t, "/usr/share/dokuwiki/doku.php"))
	fpms, _ := filepath.Glob("/usr/sbin/php-fpm?*")
	need(t, len(fpms) > 0, "php-fpm")
	dir := tempDir(t)
	hash, err := exec.Command("/usr/bin/php", "-r", "echo password_hash('lovelace', PASSWORD_BCRYPT);").Output()
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{
		// Debian's configuration is read first; this is that of a further wiki.
		"prepend.php":          "<?php define('DOKU_CONF', '" + dir + "/conf/');",
		"conf/local.php":       "<?php\n$conf['title'] = 'Library'; $conf['useacl'] = 1; $conf['htmlok'] = 1; $conf['savedir'] = '" + dir + "/data'; $conf['updatecheck'] = 0; $conf['superuser'] = '@admin';",
		"conf/acl.auth.php":    "# <?php exit()?>\n*\t@ALL\t1\n*\t@user\t8\n",
		"conf/users.auth.php":  "# <?php exit()?>\nada:" + string(hash) + ":Ada:ada@example.test:user\n",
		"conf/meta.html":       head,
		"conf/footer.html":     foot,
		"data/pages/start.txt": "====== Library ======\nWelcome.\n<html>" + start + "</html>\n",
		"data/pages/hours.txt": "====== Hours ======\nAlways.\n",
		"fpm.conf": fmt.Sprintf(`[global]
daemonize = no
error_log = %[1]s/fpm.log
[www]
user = %[2]d
group = %[3]d
listen = %[1]s/fpm.sock
pm = static
pm.max_children = 4
php_admin_value[auto_prepend_file] = %[1]s/prepend.php
php_admin_value[session.save_path] = %[1]s/sessions
`, dir, os.Getuid(), os.Getgid()),
	})
	for _, name := range []string{"attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "tmp"} {
		writeFiles(t, dir, map[string]string{"data/" + name + "/_dummy": ""})
	}
	writeFiles(t, dir, map[string]string{"sessions/_dummy": ""})
	run(t, exec.Command(fpms[0], "--nodaemonize", "--allow-to-run-as-root", "--fpm-config", filepath.Join(dir, "fpm.conf")))
	socket := filepath.Join(dir, "fpm.sock")
	if !eventually(func() bool { _, err := os.Stat(socket); return err == nil }) {
		t.Fatal("PHP-FPM does not listen")
	}
	return fmt.Sprintf("root * %s\nphp_fastcgi unix/%s {\nindex doku.php\n}\nfile_server", root, socket)
}

// What is suggested for DokuWiki keeps everything that needs consent back, and nothing
// that the wiki needs.
func TestSuggestedForDokuWiki(t *testing.T) {
	const matomo = "stats.example.test"
	remembers := regexp.MustCompile("^DW[0-9a-f]{32}$")
	edits := 0
	followSuggestion(t, ownedSite{
		directives: startDokuWiki(t, withMatomo(vendorHead, matomo, matomo+"/matomo.js"), vendorFoot, vendorFilm),
		film:       "/doku.php?id=start", hosts: []string{matomo},
		necessary: []string{"DokuWiki", "DOKU_PREFS"},
		suggested: []string{"\tcookie DOKU_PREFS {", "\tcookie DokuWiki {", "\t# DW<hex:32> of DokuWiki is known to be necessary"},
		work: func(b *browser) {
			page := ownedOrigin + "/doku.php?id=hours"
			b.open(page + "&do=login")
			b.do(chromedp.SendKeys(chromedp.CSS("#dw__login input[name=u]"), "ada"), chromedp.SendKeys(chromedp.CSS("#dw__login input[name=p]"), "lovelace"))
			b.click("#dw__login button[type=submit]")
			if !js[bool](b, `!!document.querySelector("#dokuwiki__usertools .user")`) {
				b.t.Fatalf("nobody is logged in: %s", js[string](b, "document.body.innerText"))
			}
			if !slices.ContainsFunc(b.names(), remembers.MatchString) {
				b.t.Errorf("the browser would not be remembered: %q", b.names())
			}
			b.open(page + "&do=edit")
			b.await("the toolbar is there", `!!document.querySelector("#tool__bar button")`)
			edits++
			text := fmt.Sprintf("Open on %d days.", edits)
			b.do(chromedp.SendKeys(chromedp.CSS("#wiki__text"), "\n"+text+"\n"))
			b.click("#edbtn__save")
			if !js[bool](b, `document.querySelector("#dokuwiki__content").textContent.includes("`+text+`")`) {
				b.t.Errorf("%q was not saved", text)
			}
			b.open(ownedOrigin + "/doku.php?id=start&do=media")
			b.await("the media manager is there", `!!document.querySelector("#mediamgr__tree, #mediamanager__page")`)
			b.open(page + "&do=search&q=days")
			b.open(page)
			b.click("#dokuwiki__usertools a[href*='do=logout']")
			if js[bool](b, `!!document.querySelector("#dokuwiki__usertools .user")`) {
				b.t.Error("still logged in")
			}
		},
	})
}
