"""What records of other languages call what an English text names: countries and cities.

The languages are German, French, Spanish, Italian, Dutch and Portuguese. All names are in lower case.
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
_CITIES = """
antwerp antwerpen anvers amberes anversa antuérpia | athens athen athènes atenas atene | basel bâle basilea bazel |
belgrade belgrad belgrado | berne bern berna | bordeaux burdeos bordéus | bruges brügge brugge brujas | brunswick
braunschweig | brussels brüssel bruxelles bruselas brussel bruxelas | bucharest bukarest bucarest | cologne köln
colonia keulen colónia | copenhagen kopenhagen copenhague københavn | cracow krakau cracovie cracovia kraków | dublin
dublín dublino | dunkirk dünkirchen dunkerque | edinburgh édimbourg edimburgo | florence florenz firenze florencia
florença | geneva genf genève ginebra ginevra genebra | genoa genua gênes génova genova | ghent gent gand gante |
gothenburg göteborg | hague haag haye haya aia haia | hamburg hambourg hamburgo amburgo | hanover hannover hanovre |
liege lüttich liège luik | lille rijsel | lisbon lissabon lisbonne lisboa lisbona | london londres londra londen |
lucerne luzern lucerna | lyons lyon lione | marseilles marseille marsella marsiglia marselha | milan mailand milano
milán milaan milão | moscow moskau moscou moscú mosca moskou | munich münchen múnich monaco munique | naples neapel
napoli nápoles napels | nice nizza niza | nuremberg nürnberg núremberg norimberga | oporto porto | padua padoue padova
| paris parís parigi parijs | prague prag praga praag praha | rome rom roma | seville sevilla séville siviglia sevilha
| strasbourg straßburg estrasburgo | stuttgart stoccarda | trier trèves treviri | turin torino turín turijn | venice
venedig venise venecia venezia veneza | vienna wien vienne viena wenen | warsaw warschau varsovie varsovia varsavia
warszawa | zaragoza saragossa saragosse | zurich zürich zúrich zurigo zurique
"""
RECORDED: Mapping[str, tuple[str, ...]] = {
    english: tuple(others) for english, *others in (names.split() for names in f"{_COUNTRIES}|{_CITIES}".split("|"))
}
"""By the English name: what records of other languages call it."""
