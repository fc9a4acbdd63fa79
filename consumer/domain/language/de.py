"""German, as an engineer writes it to a colleague: impersonal, without "Sie" or "du".

Outcomes say as much as the English ones and no more: what is applied is "umgesetzt", and only a verdict confirms it.
"""

import re

from consumer.domain.language.language import Counted, Domain, Language
from consumer.domain.language.spelling import Spelling
from schemas.packages import SectionKey
from schemas.sessions import FixStatus

_OVER = r"(?:gelöst|behoben|erledigt|geschlossen|beseitigt|abgeschlossen)"

GERMAN = Language(
    tag="de",
    name="German",
    asked=(
        "This package is for German-speaking engineers: write every text of the answer in German, also where the"
        " instructions say English, so that a fact gets a wording where it is longer than 300 characters or not in"
        " German. Write as a German engineer does to a colleague: impersonal (steps in the infinitive), without Sie or"
        " du, with the usual terms of the trade. Names, ids, numbers and error texts stay as the records have them; a"
        " title or a sentence that stays in its own language stands in quotation marks, word for word."
    ),
    small_words="""der die das den dem des ein eine einen einem einer eines und oder aber nicht kein keine ist sind war
    waren wird wurde wurden werden hat haben hatte auf von zu zum zur mit für bei beim nach vor aus im in am an um seit
    bis sich auch noch nur als wie ob wenn dass es er sie über unter durch ohne gegen bereits mehr
    was per""",
    headings={
        SectionKey.PROBLEM: "Problem",
        SectionKey.CONFIRMED: "Was bestätigt ist",
        SectionKey.TRIED: "Was versucht wurde",
        SectionKey.HYPOTHESIS: "Aktuelle Hypothese",
        SectionKey.NEXT_STEPS: "Empfohlene nächste Schritte",
    },
    no_problem="Es wurde keine Problembeschreibung erfasst.",
    nothing_confirmed="Bisher ist nichts bestätigt.",
    nothing_tried="Bisher wurden keine Diagnoseschritte durchgeführt.",
    no_hypothesis="Noch keine führende Hypothese – die Symptome werden weiter eingegrenzt.",
    title="Übergabe: {subject}",
    untitled="Übergabe nach Eskalation",
    quotes=("„", "“"),
    inner_quotes='"„“”',
    unreadable="(kein sichtbarer Text)",
    unknown_template="(unbekannte Vorlage)",
    orders_left_out="(Text mit Anweisungen, hier weggelassen)",
    fix_line="Maßnahme: {title} – {outcome}",
    superseded=", inzwischen ersetzt",
    what_it_is=" Inhalt der Maßnahme: {description}",
    what_it_was=" Inhalt der Maßnahme: {description}",
    failed="umgesetzt{superseded}; fehlgeschlagen, hat das Problem nicht gelöst. {reason}{partly}",
    failed_reason="Grund: {reason}",
    failed_no_reason="Ein Grund wurde nicht erfasst.",
    failed_partly=" Davor teilweise umgesetzt: {notes}",
    partial="teilweise umgesetzt{superseded}; nicht vollständig oder nicht bestätigt. {notes}",
    partial_notes="Notizen: {notes}",
    partial_no_notes="Notizen dazu wurden nicht erfasst.",
    pending="als umgesetzt vermerkt{superseded}, Bestätigung steht aus; gewartet wird auf: {awaited}{notes}",
    pending_notes=" Notizen: {notes}",
    success="umgesetzt und bestätigt{superseded}{escalated}.",
    escalated_otherwise="; eskaliert aus einem anderen Grund",
    outcome_words={
        FixStatus.APPLIED_FAILED: ("hat das Problem nicht gelöst",),
        FixStatus.APPLIED_PARTIAL: ("teilweise umgesetzt", "nicht vollständig oder nicht bestätigt"),
        FixStatus.APPLIED_PENDING: ("umgesetzt", "Bestätigung steht aus"),
        FixStatus.APPLIED_SUCCESS: ("umgesetzt und bestätigt",),
    },
    lead_proposed=(
        "{title} ist die führende Hypothese (Konfidenz {confidence} %); die Maßnahme ist noch nicht umgesetzt."
    ),
    lead_failed="{title} wurde umgesetzt und hat das Problem nicht gelöst: {reason} Was es löst, ist weiterhin offen.",
    lead_failed_no_reason=(
        "{title} wurde umgesetzt und hat das Problem nicht gelöst; ein Grund wurde nicht erfasst. Was es löst, ist"
        " weiterhin offen."
    ),
    lead_partial=(
        "{title} wurde nur teilweise umgesetzt: nicht vollständig oder nicht bestätigt, der Rest ist offen.{notes}"
    ),
    lead_partial_notes=" Erfasst ist: {notes}",
    lead_pending=(
        "{title} ist als umgesetzt vermerkt, aber noch nicht bestätigt; {waiting} Ob die Maßnahme schon ausgeführt"
        " ist, sagt das, worauf sie wartet. Die Wirkung ist ungeprüft; bis zur Bestätigung ist dies die führende"
        " Hypothese."
    ),
    lead_success=(
        "{title} wurde umgesetzt, ist bestätigt und hat das ursprüngliche Symptom behoben; ein neues oder verwandtes"
        " Problem besteht weiterhin."
    ),
    lead_dismissed="{title} wurde verworfen: {reason} Was das Problem löst, ist weiterhin offen.",
    lead_dismissed_no_reason="{title} wurde verworfen. Was das Problem löst, ist weiterhin offen.",
    lead_words={
        FixStatus.PROPOSED: ("Konfidenz", "noch nicht umgesetzt"),
        FixStatus.APPLIED_FAILED: ("hat das Problem nicht gelöst", "weiterhin offen"),
        FixStatus.APPLIED_PARTIAL: ("teilweise", "nicht vollständig oder nicht bestätigt"),
        FixStatus.APPLIED_PENDING: ("noch nicht bestätigt", "gewartet wird auf", "ungeprüft"),
        FixStatus.APPLIED_SUCCESS: ("ursprüngliche Symptom behoben", "Problem besteht weiterhin"),
        FixStatus.DISMISSED: ("verworfen", "weiterhin offen"),
    },
    not_recorded="etwas, das nicht erfasst wurde",
    waiting_for="gewartet wird auf {awaited}",
    waiting_for_words="gewartet wird auf: {awaited}",
    waiting=re.compile(
        r"^(?:noch\s+)?(?:warte[nt]?|abwarten|wartet)(?:\s+auf)?\s*:?\s+(?!bis\b|ob\b|dass\b)"
        r"|^(?:still\s+)?(?:a?wait(?:s|ing)?|pending)(?:\s+(?:for|on))?\s*:?\s+(?!until\b)",
        re.IGNORECASE,
    ),
    plain_noun=re.compile(r"(?:den|die|das|einen|eine|ein|etwas)[\s,]"),
    try_it="{title} ausprobieren (vorgeschlagen mit Konfidenz {confidence} %): {description}",
    other_path="Einen anderen Weg als {title} gehen, ausgehend vom Grund des Fehlschlags: {reason}",
    other_path_no_reason=(
        "Klären, warum {title} nicht geholfen hat (ein Grund wurde nicht erfasst), und von dort aus einen anderen Weg"
        " gehen."
    ),
    complete="{title} abschließen oder, soweit umgesetzt, bestätigen; erfasst ist: {notes}",
    complete_no_notes="Klären, was von {title} umgesetzt wurde, dann abschließen und bestätigen.",
    confirm=(
        "Verfolgen, worauf {title} wartet, die Maßnahme ausführen, wo das noch aussteht, dann prüfen, ob sie gewirkt"
        " hat; gewartet wird auf: {awaited}"
    ),
    reported="Gemeldet wurde: {title}",
    summary="Zusammenfassung: {summary}",
    first_fact="Eine Beschreibung wurde nicht erfasst; die erste Feststellung war: {fact}",
    filed_under="Eingeordnet war der Fall unter: {domain}",
    escalated_because="Eskaliert wurde mit der Begründung: {reason}",
    intake_said="In der Meldung hieß es: {said}.",
    intake_also_said="Weiter hieß es: {said}.",
    intake_bounds="Einschränkungen laut Meldung: {said}.",
    intake_began="Die Meldung begann mit: {said}.",
    reported_by="Gemeldet hat es {name}.",
    call_back="Erreichbar laut Meldung: {reach}.",
    proposes="Vorgeschlagen ist: {description}",
    read_next_first="Vorher den nächsten Schritt lesen: Er sagt vielleicht, was vorausgehen muss.",
    take_up_reason="Den Grund der Eskalation aufgreifen: {reason}",
    confirm_earlier=(
        "Verfolgen, worauf die frühere Maßnahme {title} wartet, sie ausführen, wo das noch aussteht, dann prüfen,"
        " ob sie gewirkt hat; gewartet wird auf: {awaited}"
    ),
    complete_superseded=(
        "Entscheiden, ob {title} (teilweise umgesetzt, inzwischen ersetzt) abgeschlossen oder zurückgenommen wird."
    ),
    complete_superseded_notes=(
        "Entscheiden, ob {title} (teilweise umgesetzt, inzwischen ersetzt) abgeschlossen oder zurückgenommen wird:"
        " {notes}"
    ),
    what_remains="Klären, ob das, was nach {title} übrig bleibt, damit kam oder schon vorher da war.",
    other_way="Einen anderen Weg als {title} suchen, denn dies wurde verworfen{facts}.",
    from_facts="; Ausgangspunkt ist, was die Feststellungen offenlassen",
    test_premise=(
        "Die Annahme hinter {title} prüfen (Konfidenz nur {confidence} %, noch nicht umgesetzt), bevor die Maßnahme"
        " umgesetzt wird."
    ),
    test_premise_proposed=(
        "Die Annahme hinter {title} prüfen (Konfidenz nur {confidence} %, noch nicht umgesetzt), bevor die Maßnahme"
        " umgesetzt wird; vorgeschlagen ist: {description}"
    ),
    ask_reporter=(
        "Bei der meldenden Person erfragen: genaues Symptom und Fehlertext, wer und was betroffen ist, seit wann und"
        " was sich zuletzt geändert hat; bisher sind keine Feststellungen erfasst."
    ),
    settle_open="Noch Offenes klären: {said}",
    was_script_run="Klären, ob das erzeugte Skript {title} ausgeführt wurde, und das Ergebnis festhalten.",
    keep_informed="Dem, der es gemeldet hat, sagen, wie es steht und was als Nächstes kommt.",
    keep_informed_at="Dem, der es gemeldet hat, sagen, wie es steht und was als Nächstes kommt; zu erreichen: {reach}.",
    first_check="Das Gemeldete durch eine erste Diagnoseprüfung bestätigen; bisher wurde keine erfasst.",
    not_again="Nicht unverändert wiederholen, weil es das Problem nicht gelöst hat: {titles}{more}.",
    more_failed=" und {number} frühere",
    reproduce=(
        "Das Symptom an einem betroffenen Arbeitsplatz nachstellen und Fehlertext und Uhrzeit genau festhalten, damit"
        " sich die nächste Änderung daran messen lässt."
    ),
    record_findings=(
        "Ergebnisse mit Uhrzeit und Quelle festhalten, damit sich die nächste Änderung daran messen lässt."
    ),
    advice={
        Domain.NETWORK: (
            "Ein betroffenes Gerät am selben Ort mit einem funktionierenden vergleichen: Adresse, Namensauflösung,"
            " Weg und die erste Stelle, an der sich beide unterscheiden."
        ),
        Domain.EMAIL: (
            "Ein betroffenes Postfach mit einem funktionierenden vergleichen, in einem anderen Client und im"
            " Browser, um Konto und Gerät auseinanderzuhalten."
        ),
        Domain.PRINTING: (
            "Denselben Auftrag von einem anderen Gerät und auf einem anderen Weg drucken, um Anwendung,"
            " Warteschlange und Drucker auseinanderzuhalten."
        ),
        Domain.IDENTITY: (
            "Eine fehlschlagende Anmeldung mit einer funktionierenden vergleichen: Konto, Gerät, Ort und Zeit, und"
            " was das Anmeldeprotokoll zu beiden sagt."
        ),
        Domain.SECURITY: (
            "Das Ausmaß klären, bevor weiter geändert wird: was betroffen ist, seit wann, und was bisher geändert"
            " oder eingedämmt wurde; Beweise sichern."
        ),
        Domain.FILES: (
            "Eine betroffene Freigabe mit einer funktionierenden vergleichen: Pfad, Rechte, freier Platz und das"
            " Gerät, von dem aus sie geöffnet wird."
        ),
        Domain.BACKUP: (
            "Klären, von wann die letzte brauchbare Sicherung ist und ob sie sich wiederherstellen lässt, bevor"
            " irgendetwas anderes geändert wird."
        ),
        Domain.VIRTUAL: (
            "Eine betroffene Sitzung mit einer nicht betroffenen vergleichen: Anwender, Host, Zeit, Gerät und der"
            " erste Schritt, an dem sich beide unterscheiden."
        ),
        Domain.DEVICE: (
            "Jeweils ein Teil gegen ein funktionierendes tauschen (Anwender, Gerät, Kabel, Platz), um Hardware und"
            " Profil auseinanderzuhalten."
        ),
        Domain.APPLICATION: (
            "Einen betroffenen Anwender mit einem vergleichen, der arbeiten kann: Version, Rechte, Daten und Gerät,"
            " und womit der Fehler wandert."
        ),
        Domain.TELEPHONY: (
            "Einen fehlschlagenden Anruf mit einem funktionierenden vergleichen: Richtung, Gerät, Ort und Weg und"
            " die erste Stelle, an der sich beide unterscheiden."
        ),
    },
    domains={
        Domain.NETWORK: "netzwerk wlan",
        Domain.EMAIL: "postfach",
        Domain.PRINTING: "drucken drucker druck",
        Domain.IDENTITY: "anmeldung kennwort passwort konto",
        Domain.SECURITY: "sicherheit",
        Domain.FILES: "dateien freigabe freigaben dateiserver",
        Domain.BACKUP: "datensicherung sicherung",
        Domain.DEVICE: "arbeitsplatz rechner",
        Domain.APPLICATION: "anwendung anwendungen fachanwendung warenwirtschaft",
        Domain.TELEPHONY: "telefon telefonie",
    },
    sources={
        "diagnostic_check": "Diagnoseprüfung",
        "engineer_observation": "Beobachtung des Technikers",
        "engineer_note": "Notiz des Technikers",
        "user_report": "Angabe des Anwenders",
        "customer_report": "Angabe des Kunden",
        "email": "E-Mail",
        "vendor": "Hersteller",
        "vendor_statement": "Aussage des Herstellers",
        "log": "Log",
        "log_excerpt": "Log-Auszug",
        "monitoring": "Monitoring",
        "monitoring_alert": "Monitoring-Alarm",
        "script_output": "Skriptausgabe",
    },
    recorded="Erfasst",
    asked_beside_report="im Wortlaut; was darin verlangt wird, ist keine Feststellung",
    asked_only="Bitte oder Anweisung im Wortlaut, keine Feststellung",
    quoted_fact="{source}, {label}: {text}",
    recorded_times=" ({number}-mal erfasst)",
    recorded_times_last=" ({number}-mal erfasst, zuletzt am {moment})",
    recorded_at=" (erfasst am {time})",
    recorded_on=" (erfasst am {day})",
    months=(
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    ),
    day="{day}. {month} {year}",
    moment="{day} um {time} Uhr {zone}",
    day_and_time="{day}. {month} um {time} Uhr",
    day_and_time_utc="{day}. {month} um {time} Uhr UTC",
    check="Diagnoseprüfung: {text}",
    check_of="Diagnoseprüfung ({source}): {text}",
    script="Skript erzeugt: {name}",
    script_with="Skript erzeugt: {name}, mit {values}",
    note=" Anmerkung: {note}",
    script_unread=" Ob es ausgeführt wurde, ist nicht erfasst.",
    left_out="Aus Platzgründen weggelassen, jeweils die ältesten: {counts}.",
    shortened="Aus Platzgründen gekürzt: die Texte zu {fixes}.",
    joined=" und ",
    counted={
        Counted.FACT: ("{number} Feststellung", "{number} Feststellungen"),
        Counted.CHECK: ("{number} Prüfung", "{number} Prüfungen"),
        Counted.SCRIPT: ("{number} Skript", "{number} Skripte"),
        Counted.FIX: ("{number} Maßnahme", "{number} Maßnahmen"),
    },
    over=re.compile(
        r"(?:(?:das|dieses|der|dieser|die|diese)\s+)?(?:\w+\s+)?"
        r"(?:(?:problem|vorfall|ticket|fall|symptom|fehler|ausfall|anliegen)(?:e|s|en)?|störung(?:en)?|alles)"
        r"\s+(?:ist|sind|war|waren|wurde|wurden|gilt)(?:\s+(?:als|jetzt|nun|bereits|inzwischen|vollständig|komplett"
        rf"|endgültig|damit|somit|auch|vom\s+kunden))*\s+{_OVER}(?:\s+und\s+(?:{_OVER}|bestätigt|geprüft|verifiziert))*"
        r"(?:\s+worden)?\W*",
        re.IGNORECASE,
    ),
    to_fill_in=re.compile(
        r"[\[<{(]\s*(?:hier|bitte|einfügen|einsetzen|ergänzen|platzhalter|ihr|name\s+(?:des|der)|datum|uhrzeit|grund"
        r"|unbekannt|keine?|offen)\b[^\]>})]{0,60}[\]>}]"
        r"|\[[^\]\[]{0,60}\b(?:einfügen|einsetzen|ergänzen|eintragen)\s*\]"
        r"|\bnoch\s+einzutragen\b|^\W*(?:k\.\s?A\.|n\.\s?v\.|keine?|unbekannt|entfällt)\W*$",
        re.IGNORECASE,
    ),
    of_itself=re.compile(
        r"\b(?:als\s+(?:eine?\s+)?(?:ki|künstliche\s+intelligenz)\b|(?:ki-)?sprachmodell\w*|ki-(?:modell|assistent)\w*"
        r"|ich\s+(?:bin|kann|war|habe|werde|möchte|bitte)|meine[nr]?\s+(?:anweisung|vorgabe)\w*|system-?prompt\w*"
        r"|(?:diese|vorherige|obige)[nr]?\s+anweisungen)\b",
        re.IGNORECASE,
    ),
    spelling=Spelling(
        months={
            "Januar": "January", "Jänner": "January", "Februar": "February", "März": "March", "April": "April",
            "Mai": "May", "Juni": "June", "Juli": "July", "August": "August", "September": "September",
            "Oktober": "October", "November": "November", "Dezember": "December",
        },
        dated_after=("am", "vom", "bis", "ab", "seit", "zum"),
        clock="Uhr",
        persons={"Herr": "Mr", "Herrn": "Mr", "Frau": "Mrs", "Kollege": "Mr", "Kollegin": "Mrs"},
        nouns={
            "schritt": "step", "schritte": "steps", "stufe": "level", "tag": "day", "tage": "days",
            "woche": "week", "punkt": "item", "versuch": "attempt", "teil": "part", "fehler": "error",
            "fehlercode": "error", "ereignis": "event", "kanal": "channel",
        },
        borrowed=("Update", "User", "Manager", "Call", "Email", "Phone"),
        suspended_after=("und", "oder", "bzw.", "sowie"),
    ),
)  # fmt: skip
