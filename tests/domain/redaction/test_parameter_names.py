"""Which names of parameters say that their value is a secret, in the languages that scripts are written in."""

import pytest

from consumer.domain.redaction.parameter_names import LONGEST_NAME, suspected_kind
from consumer.domain.redaction.placeholders import SecretKind

SECRETS: dict[SecretKind, str] = {
    SecretKind.PASSWORD: """
        password NewPassword password_old AdminPw UserPwd svcPass sqladminpassword password_for_admin PasswordAdmin
        password_temp wifi_password WifiPass passcode_admin creds security_answer SecretAnswer
        Kennwort NeuesKennwort KennwortNeu EinmalPasswort PasswortAlt admin_passwort_neu tijdelijkWachtwoord
        nieuw_wachtwoord wachtwoordNieuw mot_de_passe MotDePasse mot_de_passe_temporaire MotDePasseAdmin
        clave_acceso claveTemporal contrasena_nueva ContraseñaTemporal contraseña_wifi senha_nova senhaTemporaria
        senha_admin palavra_passe PalavraPasse haslo_nowe nowe_hasło nyttLösenord adgangskode ClaveSecreta
    """,
    SecretKind.CODE: """
        access_code AccessCode accesscode doorcode DoorCode temporary_code TempCode one_time_code OneTimeCode
        unlock_code GateCode entry_code login_code security_code emergency_code bypass_code SafeCode lockbox_code
        vault_combination LockCombination Zugangscode ZugangsCode Tuercode Türcode Freigabecode Notfall_Code
        tijdelijke_code toegangscode deurcode noodcode code_acces codeAccès code_temporaire codice_accesso
        codiceSegreto codigo_acceso código_seguridad codigo_seguranca otp totp
    """,
    SecretKind.KEY: """
        ApiKey recovery_key wifi_key psk wifi_schluessel WLAN_Schlüssel zugangsschluessel cle_api CléWifi chiave_api
        ChiaveWifi llave_api TOTPSeed
        NotifyKey webhook_key integration_key routingKey InstrumentationKey enrollment_key api_sleutel
    """,
    SecretKind.PIN: "pin unlockPin PIN_Code sim_pin PUK PukCode",
    SecretKind.SECRET: "client_secret AppSecret ApiGeheimnis RecoveryPhrase seed_phrase code_secret",
}
PLAIN = """
    registry_key RegKey foreign_key sort_key PartitionKey lookup_key hotkey
    country_code CountryCode error_code ExitCode exit_code zip_code PostalCode area_code product_code code Code
    status_code language_code site_code
    branch_code currency_code cost_code codice_cliente code_postal codigo_postal codice_fiscale
    PasswordPolicy password_length PasswordExpiry password_never_expires pin_length key_name KeyVault clave_primaria
    clave_cliente code_client codigo_cliente Schluesselname MinPasswordLength ForcePasswordChange reset_password
    PasswordResetUrl WifiName wifi_ssid combination_id Combination SafeMode lock_timeout unlock_account temp_folder
    access_level door_name gate_ip gateway PostCode artikelcode klantcode bestelcode foutcode Fehlercode Ländercode
    timecode source_code code_page barcode QRCode Schluessel clave cle chiave codigo palavra_chave new old admin
"""


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for kind, names in SECRETS.items() for name in names.split()])
def test_a_name_of_a_secret_is_suspected(name: str, kind: SecretKind) -> None:
    assert suspected_kind(name) is kind


@pytest.mark.parametrize("name", PLAIN.split())
def test_a_name_of_anything_else_is_not(name: str) -> None:
    assert suspected_kind(name) is None


def test_what_is_too_long_for_a_name_is_not_read() -> None:
    assert suspected_kind("x" * (LONGEST_NAME - 9) + "_password") is SecretKind.PASSWORD
    assert suspected_kind("x" * (LONGEST_NAME - 8) + "_password") is None
