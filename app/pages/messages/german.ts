/** Every text of the pages in German. A sentence of an error that is not here is shown in English. */
import { type ErrorCode, operationalErrors } from '../../errors.ts'
import type { Messages } from './english.ts'

/** The compiler misses a code that is not here. */
const errors: Readonly<Record<ErrorCode, string>> = {
  ERR_REQUEST_MALFORMED: 'Die Anfrage kann nicht gelesen werden.',
  ERR_REQUEST_TOO_LONG: 'Die Adresse ist zu lang.',
  ERR_REQUEST_TIMED_OUT: 'Die Anfrage hat zu lange gebraucht, um anzukommen.',
  ERR_HEADERS_TOO_LARGE: 'Die Kopfzeilen der Anfrage sind zu groß oder zu viele.',
  ERR_BODY_TOO_LARGE: 'Was gesendet wurde, ist zu groß.',
  ERR_BODY_UNSUPPORTED: 'Was gesendet wurde, hat ein Format, das hier nicht gelesen wird.',
  ERR_CREDENTIALS_AMBIGUOUS: 'Die Anfrage sagt auf zwei Arten, wer fragt.',
  ERR_COOKIE_UNREADABLE:
    'Ein Cookie dieser Seite enthält Zeichen, die nicht weitergegeben werden können. Bitte löschen Sie die Cookies dieser Seite.',
  ERR_BEARER_INVALID: 'Mit diesem Token hat hier niemand Zugriff.',
  ERR_SCOPE_INSUFFICIENT: 'Das Token ist nicht für Anfragen dieser Art.',
  ERR_PASSWORD_INVALID: 'Mit diesem Benutzernamen und diesem Passwort hat hier niemand Zugriff.',
  ERR_PASSWORD_ASLEEP: 'Das Passwort ruht, bis sein Besitzer sich wieder anmeldet.',
  ERR_PASSWORDS_BUSY: 'Es werden gerade zu viele Passwörter geprüft. Bitte versuchen Sie es noch einmal.',
  ERR_CERTIFICATE_REFUSED: 'Mit diesem Client-Zertifikat hat hier niemand Zugriff.',
  ERR_KUBE_TOKEN_INVALID: 'Es kam kein Token einer bestehenden Sitzung mit.',
  ERR_KUBE_CALL_FORBIDDEN: 'Niemand dieses Namens darf diesen Aufruf machen.',
  ERR_IDENTITY_HEADER_SENT: 'Die Anfrage sagt selbst, wer fragt.',
  ERR_PROXY_UNTRUSTED: 'Diese Adresse darf nicht nach Entscheidungen fragen.',
  ERR_ORIGIN_FOREIGN: 'Seiten anderer Herkunft dürfen sich hier nicht verbinden.',
  ERR_ENDPOINT_UNKNOWN: 'Hier gibt es nichts.',
  ERR_METHOD_UNSUPPORTED: 'Diese Seite ist nicht für Anfragen dieser Art da.',
  ERR_HOST_MISDIRECTED: 'Dieser Servername wird hier nicht bedient.',
  ERR_STORE_UNAVAILABLE: 'Sitzungen können gerade nicht gelesen werden. Bitte versuchen Sie es noch einmal.',
  ERR_ISSUER_UNAVAILABLE: 'Das Token kann gerade nicht geprüft werden. Bitte versuchen Sie es noch einmal.',
  ERR_POLICY_UNAVAILABLE: 'Die Regeln sind noch nicht geladen. Bitte versuchen Sie es noch einmal.',
  ERR_SIGNING_UNAVAILABLE: 'Die Identität kann gerade nicht signiert werden. Bitte versuchen Sie es noch einmal.',
  ERR_AUDIT_UNAVAILABLE: 'Zugriffe können gerade nicht aufgezeichnet werden. Bitte versuchen Sie es noch einmal.',
  ERR_PROVIDER_UNAVAILABLE: 'Der Anmeldedienst ist nicht erreichbar. Bitte versuchen Sie es noch einmal.',
  ERR_CLIENT_REFUSED:
    'Der Anmeldedienst erkennt diesen Dienst nicht an. Das liegt nicht an Ihnen: Bitte nennen Sie dem Betreiber die Nummer dieser Anfrage.',
  ERR_PROVIDER_UNKNOWN: 'Diesen Anmeldedienst gibt es nicht.',
  ERR_LOGIN_STATE_UNKNOWN: 'Diese Anmeldung ist abgelaufen oder schon benutzt. Bitte beginnen Sie von vorn.',
  ERR_LOGIN_BROWSER_MISMATCH: 'Diese Anmeldung wurde in einem anderen Browser begonnen. Bitte beginnen Sie von vorn.',
  ERR_LOGIN_REFUSED: 'Der Anmeldedienst hat die Anmeldung abgelehnt.',
  ERR_LOGIN_RESPONSE_INVALID: 'Die Antwort des Anmeldedienstes hat die Prüfungen nicht bestanden.',
  ERR_LOGIN_CLAIMS_INVALID: 'Der Anmeldedienst hat Angaben gesendet, die nicht verwendet werden können.',
  ERR_LOGIN_STEP_UP_FAILED: 'Der Anmeldedienst hat Sie nicht so angemeldet, wie es verlangt war.',
  ERR_LOGIN_LOGGED_OUT: 'Sie wurden abgemeldet, während Sie sich anmeldeten. Bitte beginnen Sie von vorn.',
  ERR_LOGIN_CERTIFICATE_MISSING:
    'Die Anmeldung braucht Ihr Client-Zertifikat, und es kam nicht mit. Bitte wählen Sie es, wenn Ihr Browser fragt.',
  ERR_PASSWORD_UNMADE: 'So kann kein Passwort angelegt werden. Bitte gehen Sie zurück und ändern Sie es.',
  ERR_LOGOUT_CROSS_SITE: 'Das Abmelden muss auf dieser Seite bestätigt werden.',
  ERR_LOGOUT_TOKEN_INVALID: 'Das Abmelde-Token hat die Prüfungen nicht bestanden.',
  ERR_HANDOFF_TICKET_UNKNOWN: 'Dieser Link ist schon benutzt oder abgelaufen.',
  ERR_HANDOFF_COOKIES_BLOCKED: 'Ihr Browser behält für diese Seite keine Cookies.',
  ERR_GRANT_REQUEST_INVALID:
    'Diese Anmeldeanfrage von kubectl kann nicht verwendet werden. Bitte beginnen Sie noch einmal mit sallyport kube login.',
  ERR_GRANT_CROSS_SITE: 'Das muss auf dieser Seite bestätigt werden.',
  ERR_TOO_MANY_REQUESTS: 'Zu viele Versuche. Bitte warten Sie einen Moment.',
  ERR_LISTEN_FAILED: 'Der Dienst kann auf seiner Adresse nicht lauschen.',
  ERR_INTERNAL: 'Etwas ist schiefgegangen.',
}

/** By the English sentence, which is what a page is given. */
const sentences: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(errors).map(([code, text]) => [operationalErrors[code as ErrorCode].sentence, text]),
  ),
  'The login was cancelled, or the identity provider does not admit you to this service.':
    'Die Anmeldung wurde abgebrochen, oder der Anmeldedienst lässt Sie zu diesem Dienst nicht zu.',
  'The identity provider wants you to choose an account. Please start again.':
    'Der Anmeldedienst möchte, dass Sie ein Konto wählen. Bitte beginnen Sie von vorn.',
  'The identity provider needs your consent. Please start again.':
    'Der Anmeldedienst braucht Ihre Zustimmung. Bitte beginnen Sie von vorn.',
  'The identity provider has a question for you. Please start again.':
    'Der Anmeldedienst hat eine Frage an Sie. Bitte beginnen Sie von vorn.',
  'The identity provider wants you to log in. Please start again.':
    'Der Anmeldedienst möchte, dass Sie sich anmelden. Bitte beginnen Sie von vorn.',
  'The identity provider has a fault. Please try again.':
    'Der Anmeldedienst hat eine Störung. Bitte versuchen Sie es noch einmal.',
  'The identity provider is busy. Please try again in a moment.':
    'Der Anmeldedienst ist überlastet. Bitte versuchen Sie es gleich noch einmal.',
  'This login was used before, and where it should lead back to is not known any more.':
    'Diese Anmeldung wurde schon benutzt, und wohin sie zurückführen sollte, ist nicht mehr bekannt.',
  'The address that this login should lead back to cannot be read.':
    'Die Adresse, zu der diese Anmeldung zurückführen sollte, kann nicht gelesen werden.',
  'Logins lead back to no page that begins or ends them, and to no other port of their own host.':
    'Anmeldungen führen zu keiner Seite zurück, die sie beginnt oder beendet, und zu keinem anderen Port ihres eigenen Servers.',
  'You came from {host} over http; logins lead back over https only.':
    'Sie kamen über http von {host}; Anmeldungen führen nur über https zurück.',
  'Logins lead back to another port of {host} only when the administrator has named this host.':
    'Anmeldungen führen nur dann zu einem anderen Port von {host} zurück, wenn der Administrator diesen Server genannt hat.',
  'Logins do not lead back to {host}, because the administrator has not named this host.':
    'Anmeldungen führen nicht zu {host} zurück, weil der Administrator diesen Server nicht genannt hat.',
  'Logins do not lead back to {host}: it is no host of this service.':
    'Anmeldungen führen nicht zu {host} zurück: Das ist kein Server dieses Dienstes.',
}

export const german: Messages = {
  tag: 'de',
  oneMoment: 'Einen Moment',
  goOn: 'Weiter',
  goOnTo: label => `Weiter: ${label}`,
  theLogin: 'Anmeldung',
  logIn: 'Anmelden',
  logInAgain: 'Erneut anmelden',
  logOut: 'Abmelden',
  switchAccount: 'Konto wechseln',
  back: 'Zurück',
  toStart: 'Zur Startseite',
  tryAgain: 'Noch einmal versuchen',
  request: 'Anfrage',
  copy: 'Kopieren',
  copied: 'Kopiert',
  contact: 'Fragen?',
  loggedInAs: 'Angemeldet als',
  denied: {
    title: 'Das dürfen Sie nicht öffnen',
    nobody: 'Ohne Anmeldung erlauben die Regeln hier niemandem den Zugriff.',
    somebody: 'Sie sind angemeldet, aber die Regeln erlauben Ihnen hier keinen Zugriff.',
    who: 'Sie sind',
    refused: 'Abgelehnt',
  },
  form: {
    title: 'Bitte zuerst anmelden',
    what: 'Ihr Formular wurde nicht weitergegeben: Es braucht eine Anmeldung. Danach wird es nicht von selbst gesendet.',
    how: 'Melden Sie sich an, kommen Sie auf diese Seite zurück, gehen Sie zurück zum Formular und senden Sie es noch einmal.',
    refused: 'Nicht weitergegeben',
    logIn: 'Anmelden (öffnet einen neuen Tab)',
  },
  error: {
    nothing: 'Hier ist nichts',
    unavailable: 'Zurzeit nicht verfügbar',
    wrong: 'Etwas ist schiefgegangen',
    refused: 'Das hat nicht geklappt',
  },
  sentences,
  stepUp: {
    title: 'Die Anmeldung ist nicht wie verlangt',
    asked: 'Der Anmeldedienst hat Sie nicht so angemeldet, wie es verlangt war. Verlangt war:',
    cannot: 'Der Anmeldedienst sagt, dass er das nicht kann.',
    cameBack: 'Zurück kam:',
    otherAccount: 'Anderes Konto verwenden',
    terms: { Login: 'Anmeldung', Method: 'Verfahren', Class: 'Klasse' },
    value: text =>
      text
        .replace(/^now$/, 'jetzt')
        .replace(/^time not said$/, 'Zeitpunkt nicht angegeben')
        .replace(/^not said$/, 'nicht angegeben')
        .replace(/^at most (.+) ago$/, 'vor höchstens $1')
        .replace(/^(.+) ago$/, 'vor $1')
        .replace(/^(.+) ahead of our clock$/, 'unserer Uhr um $1 voraus')
        .replaceAll(' or ', ' oder ')
        .replaceAll(' and ', ' und '),
  },
  welcome: {
    nobody: 'Niemand ist angemeldet',
    once: 'Melden Sie sich einmal für alle Anwendungen hinter diesem Tor an.',
    somebody: 'Sie sind angemeldet',
    sessions: 'Ihre Sitzungen',
    wanted: 'Öffnen wollten Sie',
    open: 'Öffnen',
    applications: 'Ihre Anwendungen',
    more: 'Es kann mehr geben, als diese Liste zeigt.',
  },
  logout: {
    title: 'Abmelden?',
    what: 'Das beendet Ihre Sitzung in jeder Anwendung.',
    stay: 'Bleiben',
    done: 'Sie sind abgemeldet',
    ended: 'Ihre Sitzung ist in jeder Anwendung beendet.',
    still: 'Sie sind noch angemeldet',
    stillWhat:
      'In diesem Browser ist jemand angemeldet: Nichts wurde beendet, oder seither hat eine andere Anmeldung begonnen.',
  },
  choice: {
    title: 'Anmelden',
    address: 'Ihre E-Mail-Adresse',
    unknown: 'Zu dieser Adresse gehört hier keine Anmeldung. Bitte berichtigen Sie sie, oder wählen Sie unten.',
    or: 'oder mit',
    providers: 'Anmeldedienste',
    remember: 'Auf diesem Gerät angemeldet bleiben',
    rememberHint: 'Lassen Sie das Kästchen leer, wenn auch andere diesen Rechner benutzen.',
    with: label => `Anmelden mit ${label}`,
  },
  session: {
    title: 'Ihre Sitzung',
    with: 'Angemeldet über',
    groups: 'Gruppen',
    none: 'keine',
    since: 'Seit',
    confirmed: 'Vom Anmeldedienst bestätigt',
    unasked: 'Der Anmeldedienst kann nicht gefragt werden seit',
    idle: 'Endet, wenn sie nicht benutzt wird',
    ends: 'Endet auf jeden Fall',
    address: 'Adresse bei der Anmeldung',
    browser: 'Browser',
    usedOn: 'Benutzt auf',
    unused: 'noch keiner Anwendung',
    elsewhere: 'Anderswo',
    nowhere: 'Sie sind sonst nirgends angemeldet.',
    nothingListed: 'Nichts auf dieser Seite der Liste.',
    unknownBrowser: 'Eine Anmeldung',
    on: (browser, system) => `${browser} auf ${system}`,
    end: 'Diese Sitzung beenden',
    endOthers: 'Alle anderen Sitzungen beenden',
    endOthersToo: 'Alle anderen Sitzungen und Passwörter beenden',
    more: 'Mehr zeigen',
  },
  time: {
    now: 'jetzt',
    ago: length => `vor ${length}`,
    in: length => `in ${length}`,
    minutes: minutes => `${minutes} Min.`,
    hours: (hours, minutes) => `${hours} Std. ${minutes} Min.`,
    days: days => `${days} Tagen`,
    lastMinute: 'in der letzten Minute',
    minutesAgo: minutes => (minutes === 1 ? 'vor einer Minute' : `vor ${minutes} Minuten`),
  },
  passwords: {
    title: 'Passwörter für Programme',
    what: 'Für Programme, die keine Anmeldeseite öffnen können: git, WebDAV, ein Feed-Leser. Jedes gilt nur auf seinen Servern, bis Sie es widerrufen.',
    more: 'Es kann mehr geben, als diese Liste zeigt. Widerrufen Sie alle, um sicherzugehen.',
    logIn: 'Erneut anmelden, um eines anzulegen',
    name: 'Name',
    for: 'Für',
    made: 'Angelegt',
    ends: 'Endet',
    lastUsed: 'Zuletzt benutzt',
    never: 'nie',
    from: 'von',
    handle: 'Kennung',
    revoke: 'Dieses Passwort widerrufen',
    revokeAll: 'Alle Passwörter widerrufen',
    host: 'Server',
    otherHost: 'Ein anderer Server',
    purpose: 'Wofür es ist',
    days: most => `Tage, bis es endet (höchstens ${most})`,
    make: 'Passwort anlegen',
    madeTitle: 'Ihr neues Passwort',
    copy: 'Kopieren Sie es jetzt: Es wird nur einmal gezeigt.',
    user: 'Benutzername',
    password: 'Passwort',
    handleToo: handle => `Auch die Kennung ${handle} kann als Benutzername dienen.`,
    done: 'Fertig',
  },
  grants: {
    clustersTitle: 'kubectl Zugriff erlauben?',
    hostsTitle: 'Der Kommandozeile Zugriff erlauben?',
    words: {
      clusters: { program: 'kubectl', use: 'die Cluster' },
      hosts: { program: 'die Kommandozeile', use: 'Ihre Anwendungen' },
      'clusters-and-hosts': { program: 'kubectl und die Kommandozeile', use: 'die Cluster und Ihre Anwendungen' },
    },
    asks: (program, use) =>
      `Ein Programm möchte in Ihrem Namen ${use} benutzen: ${program} auf diesem Rechner. Es darf alles, was Sie dürfen, bis Ihre Sitzung endet.`,
    denyIt: 'Lehnen Sie ab, wenn Sie es nicht gerade in einem Terminal gestartet haben.',
    allow: 'Erlauben',
    deny: 'Ablehnen',
    codeTitle: 'Einem Rechner Zugriff erlauben',
    noCode: 'Kein Rechner wartet mit diesem Code. Vielleicht ist der Code abgelaufen.',
    codeLabel: 'Der Code, den Ihr Terminal zeigt',
    machineTitle: 'Diesem Rechner Zugriff erlauben?',
    code: 'Code',
    askedFrom: 'Angefragt von der Adresse',
    asked: 'Angefragt',
    unknown: 'unbekannt',
    elsewhere:
      'Er fragt von einer anderen Adresse aus an als dieser Browser. Fahren Sie nur fort, wenn Sie diesen Rechner kennen.',
    machineAsks: (program, use) =>
      `Ein Rechner möchte in Ihrem Namen ${use} benutzen: ${program}, mit diesem Code auf dem Bildschirm. Er darf alles, was Sie dürfen, bis Ihre Sitzung endet.`,
    sentToYou:
      'Hat Ihnen jemand diesen Code oder diesen Link geschickt? Dann lehnen Sie ab: Wer jenen Rechner hat, würde in Ihrem Namen handeln. Niemand, der Ihnen hilft, braucht das.',
    letIn: 'Der Rechner hat jetzt Zugriff',
    denied: 'Abgelehnt',
    goesOn: 'Der Rechner macht in einigen Sekunden von selbst weiter. Sie können diese Seite schließen.',
    getsNothing: 'Der Rechner bekommt nichts. Sie können diese Seite schließen.',
  },
}
