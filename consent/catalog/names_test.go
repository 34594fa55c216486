package catalog

import (
	"testing"

	"github.com/cookieconsent/caddy-cookie-consent/consent"
)

// frameworkCookies are names as the products set them. A bare policy must let
// them pass, or log-ins break.
var frameworkCookies = []string{
	"PHPSESSID", "JSESSIONID", "JSESSIONIDSSO", "ASP.NET_SessionId", ".AspNetCore.Session", "__RequestVerificationToken", ".ASPXAUTH",
	".AspNetCore.Antiforgery.cdV5uW_Ejgc", ".AspNetCore.Antiforgery.9TtSrW0hzOs", ".AspNetCore.Identity.Application",
	".AspNetCore.CookiesC1", ".AspNetCore.Identity.ApplicationC2", "__RequestVerificationToken_Lw__", "ASPSESSIONIDQABRBRST",
	".AspNetCore.Correlation.kxBkOAdHE2HzNg1vR6r7fgGQSDXnzIk4vkKoLSWhRcM",
	"sessionid", "csrftoken", "django_language", "messages", "session", "session_id", "remember_token",
	"laravel_session", "XSRF-TOKEN", "remember_web_59ba36addc2b2f9401580f014c7f58ea4e30989d", "REMEMBERME", "ci_session", "CAKEPHP", "_csrf",
	"connect.sid", "express:sess", "express:sess.sig", "koa.sess", "koa.sess.sig", "rack.session", "remember_user_token", "_forum_session",
	"next-auth.session-token", "next-auth.csrf-token", "next-auth.session-token.0", "NEXT_LOCALE",
	"__Secure-next-auth.session-token", "__Host-next-auth.csrf-token", "__Host-session", "__Secure-PHPSESSID",
	"wordpress_test_cookie", "wordpress_0123456789abcdef0123456789abcdef", "wordpress_sec_0123456789abcdef0123456789abcdef",
	"wordpress_logged_in_0123456789abcdef0123456789abcdef", "wordpress_rec_0123456789abcdef0123456789abcdef",
	"wp-settings-1", "wp-settings-time-12", "wp-postpass_0123456789abcdef0123456789abcdef", "wp_woocommerce_session_0123456789abcdef0123456789abcdef",
	"woocommerce_items_in_cart", "pll_language",
	"SESS0123456789abcdef0123456789abcdef", "SSESS0123456789abcdef0123456789abcdef", "joomla_user_state",
	"joomla_remember_me_0123456789abcdef0123456789abcdef", "fe_typo_user", "be_typo_user", "CraftSessionId", "CRAFT_CSRF_TOKEN",
	"my_wiki_session", "phpbb3_a1b2c_sid", "phpbb3_zzzzz_u", "phpbb3_00000_k", "xf_session", "xf_csrf", "SMFCookie11", "MoodleSession", "MOODLEID1_",
	"PrestaShop-0123456789abcdef0123456789abcdef", "frontend", "adminhtml", "form_key", "X-Magento-Vary", "OCSESSID", "session-1", "__csrf_token-1",
	"sap-usercontext", "SAP_SESSIONID_PRD_100", "MYSAPSSO2", "saplb_*", "LtpaToken2", "PS_TOKEN", "ORA_WWV_APP_100", "glide_user_session",
	"LFR_SESSION_STATE_20105", "GUEST_LANGUAGE_ID", "PLAY_SESSION", "SESSION", "remember-me", "JSESSIONID.0a1b2c3d", "BITBUCKETSESSIONID",
	"KEYCLOAK_SESSION", "KEYCLOAK_IDENTITY", "AUTH_SESSION_ID", "AUTH_SESSION_ID_LEGACY", "KC_RESTART", "authelia_session", "_oauth2_proxy", "_oauth2_proxy_0",
	"_shibsession_64656661756c7468747470733a2f2f73702e6578616d706c65", "_shibstate_1433954030_e3a9", "MSISAuth", "FedAuth", "FedAuth1", "SMSESSION",
	"PD-S-SESSION-ID", "PD_STATEFUL_5b3f3e6a-17c4-11ea-9d5c-005056000001", "MRHSession", "mod_auth_openidc_session", "SimpleSAML", "CASTGC",
	"AWSALB", "AWSALBCORS", "AWSELB", "ARRAffinity", "ARRAffinitySameSite", "ApplicationGatewayAffinity", "GCLB", "__VCAP_ID__", "heroku-session-affinity",
	"BIGipServerpool_web_80", "BIGipServer~Common~pool-1", "TS01d65e80", "TS0151fc2b", "TS01e2b3c4027", "ROUTEID", "SERVERID", "INGRESSCOOKIE",
	"incap_ses_1234_567890", "visid_incap_567890", "nlbi_567890", "nlbi_567890_2147483392", "cf_clearance", "__cf_bm", "__cflb", "cookiesession1",
	"sucuri_cloudproxy_uuid_0e5f2a9b7", "i_like_gitea", "grafana_session", "phpMyAdmin", "pmaUser-1", "roundcube_sessid", "glpi_0123456789abcdef0123456789abcdef",
}

// otherCookies must never be necessary: trackers, names that anything could bear, and
// names that only begin like known ones.
var otherCookies = []string{
	"", "_ga", "_ga_ABCDEF1234", "_gid", "_gat", "_gcl_au", "_fbp", "_fbc", "_hjSession_123", "_hjSessionUser_123", "_pk_id.1.1fff", "_pk_ses.1.1fff", "_clck", "_clsk",
	"_uetsid", "_ttp", "hubspotutk", "__hstc", "ajs_anonymous_id", "mp_0123_mixpanel", "AMCV_0123%40AdobeOrg", "s_vi", "IDE", "NID", "DSID", "MUID", "test_cookie",
	"intercom-session-abc", "_shopify_y", "visitor_id123", "__utma", "_vwo_uuid", "optimizelyEndUserId", "datadome", "_px3", "_pxvid", "_abck",
	"id", "uid", "cid", "sid", "token", "auth", "user", "cart", "lang", "language", "locale", "lb", "route", "sticky", "visitor", "tracking", "SRV", "SRVNAME", "CTX", "tpl", "_t", "_s", "_session_id", "_identity",
	"sess", "sess_x", "sessionid2", "sessionId", "SESSIONID", "Sessionid", "phpsessid", "PHPSESSID2", "xPHPSESSID", "app_session", "_app_session", "_csrf_x",
	"__host-PHPSESSID", "__HOST-sessionid", "__Secure-", "__Host-", "__Host-__Host-sessionid", "__Secure-__Host-sessionid", "__Host-_ga",
	"0123456789abcdef0123456789abcdef", "wordpress_", "wordpress_x", "wordpress_tracker", "wordpress_0123456789abcdef0123456789abcdeg", "wordpress_0123456789abcdef0123456789abcde",
	"wordpress_0123456789abcdef0123456789abcdef0", "wordpress_0123456789ABCDEF0123456789ABCDEF", "wp-settings-", "wp-settings-x", "wp-settings-time-",
	"SESS", "SESSx", "SSESS0123456789abcdef0123456789abcde", "SESS0123456789abcdef0123456789abcdef_", "PrestaShop-", "PrestaShop-x", "phpbb3_", "phpbb3_abcd_sid", "phpbb3_abcde_x", "phpbb3_abcdef_sid",
	".AspNetCore.Antiforgery.", ".AspNetCore.Antiforgery.short", ".AspNetCore.Antiforgery.cdV5uW_Ejgcx", "ASPSESSIONID", "ASPSESSIONIDqabrbrst", "FedAuthX",
	"BIGipServer", "BIGipServer a", "BIGip", "TS01", "TS01xyz", "TS02012345", "TS", "TSID", "incap_ses_", "incap_ses_1", "incap_ses_1_", "incap_ses_1_2_3", "visid_incap_", "visid_incap_x",
	"SAP_SESSIONID_", "SAP_SESSIONID_PRD", "SAP_SESSIONID_PRD_1000", "SAP_SESSIONID_prd_100", "saplb_tracker", "session-abc", "session-1234", "JSESSIONID.", "JSESSIONID.x",
	"_shibsession_", "_shibsession_x", "_shibstate_1_", "nlbi_", "_oauth2_proxy_", "next-auth.session-token.", "next-auth.session-token.x", "remember_web_", "MoodleSessionX",
}

// TestNames judges names as a policy does that declares nothing.
func TestNames(t *testing.T) {
	p, err := consent.New(consent.Config{Known: Default().Known()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range frameworkCookies {
		if rule := p.CookieRule(name); rule.Category != consent.Necessary || !rule.Declared {
			t.Errorf("%q: got %+v", name, rule)
		}
		if match, ok := Default().Cookie(name); !ok || match.Category != consent.Necessary || match.Product == nil || match.IsHint() {
			t.Errorf("%q: got %+v", name, match)
		}
	}
	for _, name := range otherCookies {
		rule := p.CookieRule(name)
		if rule.Category == consent.Necessary || rule.Declared {
			t.Errorf("%q: got %+v", name, rule)
		}
		match, ok := Default().Cookie(name)
		if match.Category == consent.Necessary && !match.IsHint() {
			t.Errorf("%q is necessary as a cookie of %s", name, match.Name())
		}
		if ok && !match.IsHint() && (rule.Category == consent.ThirdParty) != (match.Category == consent.ThirdParty) {
			t.Errorf("%q: the policy says %s, the catalog %s", name, rule.Category, match.Category)
		}
	}
}
