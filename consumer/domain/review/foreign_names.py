"""What records of other languages call what an English text names: a country, or the noun before a number ("bay 3").

The languages are German, French, Spanish, Italian and Dutch. All names are in lower case.
"""

from collections.abc import Mapping

_COUNTRIES = """
africa afrika afrique áfrica | america amerika amérique américa | asia asien asie azië | europe europa |
australia australien australie | austria österreich autriche oostenrijk |
belgium belgien belgique bélgica belgio belgië |
brazil brasilien brésil brasil brasile brazilië | britain großbritannien bretagne | canada kanada canadá |
china chine cina | croatia kroatien croatie croacia croazia kroatië | cyprus zypern chypre chipre cipro |
czechia tschechien tchéquie chequia cechia tsjechië | denmark dänemark danemark dinamarca danimarca denemarken |
england angleterre inglaterra inghilterra engeland | estonia estland estonie | finland finnland finlande finlandia |
france frankreich francia frankrijk | germany deutschland allemagne alemania germania duitsland |
greece griechenland grèce grecia griekenland | hungary ungarn hongrie hungría ungheria hongarije |
iceland island islande islandia islanda ijsland | india indien inde | ireland irland irlande irlanda ierland |
italy italien italie italia italië | japan japon japón giappone | latvia lettland lettonie letonia lettonia letland |
lithuania litauen lituanie lituania litouwen | luxembourg luxemburg luxemburgo lussemburgo |
morocco marokko maroc marruecos marocco | netherlands niederlande niederlanden bas países paesi nederland |
norway norwegen norvège noruega norvegia noorwegen | poland polen pologne polonia | portugal portogallo |
romania rumänien roumanie rumanía roemenië | russia russland russie rusia rusland |
scotland schottland écosse escocia scozia schotland | slovakia slowakei slovaquie eslovaquia slovacchia slowakije |
slovenia slowenien slovénie eslovenia slovenië | spain spanien espagne españa spagna spanje |
sweden schweden suède suecia svezia zweden | switzerland schweiz suisse suiza svizzera zwitserland |
turkey türkei turquie turquía turchia turkije | ukraine ucrania ucraina oekraïne | wales gales galles
"""
_NOUNS = """
error fehler erreur fout errore | event ereignis événement evento gebeurtenis | code codice código |
port puerto porta poort | channel kanal canal canale kanaal | slot steckplatz emplacement ranura sleuf |
bay schacht einschub baie bahía vano baia | incident vorfall incidente | build compilación compilazione
"""
RECORDED: Mapping[str, tuple[str, ...]] = {
    english: tuple(others) for english, *others in (names.split() for names in f"{_COUNTRIES}|{_NOUNS}".split("|"))
}
"""By the English name: what records of other languages call it."""
