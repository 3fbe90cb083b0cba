"""Writes the sentences that the synthetic voices speak.

Every word list and template here was written for this project. Sentences are drawn at random from templates;
some lines are invented words, so that the network hears phoneme sequences rather than learns a vocabulary.
p, b and m are frequent on purpose: lip closures are what a viewer sees first.
"""

import random

WORDS = {
    "en": {
        "who": "my brother|the baker|Bob|a tall woman|Peter|Emma|the plumber|our neighbour|Mabel|the young pilot|her uncle|Thomas|the old farmer|Ruby|this man|the captain|a small boy|my mother|the poet|Judge Shaw|the whole team|Zoe|the barber|an empty-handed messenger|Philip|Grandpa|the zebra keeper|a thoughtful child|everybody|nobody",
        "did": "bought|dropped|painted|shaped|moved|broke|carried|found|burned|measured|wrapped|hid|promised|kept|pushed|brought|remembered|bumped into|picked up|jumped over|mopped|thought about|asked for|laughed at|gave away|stopped|should have fixed|could not open|will probably book|may measure",
        "what": "a paper boat|the brown map|two purple plums|an apple pie|the broken lamp|a bowl of soup|the blue umbrella|five thin candles|a heavy hammer|the garage door|some warm bread|the public library|a number of bottles|the cheap camera|a pair of boots|an old computer|the empty cup|a shiny trumpet|the football match|eight oysters|the measuring tape|a cheese sandwich|the yellow bus|a piece of rope|the piano|a bunch of grapes|the village map|that thick book|a rubber stamp|the judge's chair",
        "where": "in the park|behind the barn|near the harbour|at the club|on the big table|under the bridge|by the pump house|in a small room|above the shop|outside the museum|at home|in the middle of May|on a boat|beside the lamp post|in Rome|through the thick fog|across the bay|up the ramp|along the beach road|from the basement",
        "when": "this morning|before lunch|after the meeting|last September|on Monday|at five o'clock|every other week|about an hour ago|in the spring|yesterday evening|once upon a time|in November|just now|at half past eight|tomorrow|by mistake|for no good reason|with both hands|very slowly|in a hurry",
        "adj": "brave|pretty|bumpy|simple|empty|warm|cheap|purple|gentle|huge|thin|rough|loyal|awful|amber|public|humble|joyful|short|plain",
        "thing": "problem|map|lamp|summer|album|puppy|bathroom|number|picture|umbrella|machine|voice|bridge|trip|paper|mobile phone|budget|report|window|question",
    },
    "de": {
        "who": "mein Bruder|die Mutter|Peter|der Bäcker|unsere Nachbarin|Emma|das Baby|der Bürgermeister|Opa|eine Ärztin|Paul|die ganze Gruppe|der Pilot|Frau Baumann|ein Mann",
        "did": "kauft|bringt|malt|probiert|bemerkt|braucht|öffnet|baut|putzt|vergisst|nimmt|bekommt|sucht|repariert|besucht",
        "what": "einen braunen Mantel|die Lampe|das bunte Bild|zwei Äpfel|ein Paket|den Bahnhof|die Suppe|eine Tüte Pommes|das Programm|die Brücke|ein hübsches Buch|den Computer|die blaue Blume|ein Stück Papier|den Schlüssel",
        "where": "im Park|am Bahnhof|auf dem Berg|bei Oma|im Museum|neben der Apotheke|in Hamburg|vor dem Baum|im Büro|unter der Treppe",
        "when": "am Montag|im Sommer|heute Abend|nach dem Mittagessen|um halb acht|jeden Morgen|übermorgen|vor der Pause|im September|ab und zu",
        "adj": "hübsch|bequem|trüb|warm|simpel|lebhaft|prima|schön|müde|gelb",
        "thing": "Problem|Lampe|Sommer|Brief|Bild|Pumpe|Bombe|Mappe|Stimme|Woche",
    },
    "es": {
        "who": "mi hermano|la abuela|Pablo|el pintor|una mujer|Emilia|el bombero|nuestro vecino|mamá|el capitán|Beatriz|un hombre|la profesora|papá|el pueblo",
        "did": "compra|pinta|busca|mueve|abre|prepara|rompe|vende|bebe|recibe|limpia|empuja|guarda|mira|cambia",
        "what": "un mapa|la lámpara|el pan blanco|una botella|el barco|dos manzanas|la puerta|un sombrero|el libro pequeño|la ropa|un tambor|la campana|el jamón|una bicicleta|el piano",
        "where": "en el campo|bajo el puente|en la plaza|cerca del bosque|sobre la mesa|en Bilbao|por la calle|en el mercado|junto al mar|en casa",
        "when": "por la mañana|en septiembre|el sábado|después de comer|a las ocho|siempre|hoy mismo|en primavera|muy pronto|de noche",
        "adj": "bonito|amable|pobre|blanco|simple|grande|rápido|nuevo|imposible|feliz",
        "thing": "problema|mapa|nombre|tiempo|pueblo|cuerpo|hombre|programa|cambio|viaje",
    },
    "it": {
        "who": "mio fratello|la mamma|Paolo|il pittore|una bambina|Emma|il pompiere|la nostra amica|il nonno|un uomo|Beppe|la professoressa|il capitano|la gente|papà",
        "did": "compra|prepara|sposta|apre|rompe|beve|mangia|prende|pulisce|vende|cerca|cambia|spinge|guarda|porta",
        "what": "una mappa|la lampada|il pane bianco|una bottiglia|due pomodori|la porta|un cappello|il libro piccolo|la bicicletta|un tamburo|la campana|il prosciutto|una barca|il pianoforte|gli spaghetti",
        "where": "in campagna|sotto il ponte|in piazza|vicino al bosco|sul tavolo|a Bologna|per la strada|al mercato|in montagna|a casa",
        "when": "al mattino|a settembre|sabato|dopo pranzo|alle otto|sempre|proprio oggi|in primavera|molto presto|di notte",
        "adj": "bello|amabile|povero|bianco|semplice|grande|rapido|nuovo|impossibile|felice",
        "thing": "problema|mappa|nome|tempo|campo|corpo|uomo|programma|cambio|viaggio",
    },
    "fr": {
        "who": "mon frère|la maman|Paul|le peintre|une femme|Emma|le pompier|notre voisin|mon papa|un homme|Béatrice|le capitaine|la professeure|le public|grand-père",
        "did": "prépare|achète|pousse|ouvre|casse|mange|prend|boit|trouve|vend|cherche|change|remplit|porte|embrasse",
        "what": "une pomme|la lampe|le pain blanc|une bouteille|deux bananes|la porte|un chapeau|le petit livre|la bicyclette|un tambour|le jambon|un bateau|le piano|la plume bleue|un parapluie",
        "where": "à la campagne|sous le pont|sur la place|près du bois|sur la table|à Bordeaux|dans la rue|au marché|à la montagne|à la maison",
        "when": "le matin|en septembre|samedi|après le repas|à huit heures|toujours|aujourd'hui|au printemps|bientôt|pendant la nuit",
        "adj": "beau|aimable|pauvre|blanc|simple|grand|rapide|nouveau|impossible|heureux",
        "thing": "problème|plan|nom|temps|village|corps|homme|programme|changement|voyage",
    },
    "cs": {
        "who": "můj bratr|maminka|Petr|pekař|moje babička|Eva|pan Bílý|malý kluk|pilot|soused",
        "did": "kupuje|maluje|hledá|bere|otvírá|připravuje|pije|prodává|myje|opravuje",
        "what": "mapu|lampu|bílý chléb|pivo|dvě jablka|dveře|klobouk|malou knihu|buben|papír",
        "where": "v parku|pod mostem|na náměstí|blízko lesa|na stole|v Praze|u babičky|na trhu|v domě|na poli",
        "when": "v pondělí|večer|v zimě|po obědě|v osm hodin|pořád|právě teď|brzy|v sobotu|ráno",
        "adj": "pěkný|bílý|malý|prostý|nový|milý|dobrý|lepší|teplý|tmavý",
        "thing": "problém|dům|pes|obraz|most|plán|jméno|hlas|zub|bota",
    },
    "fi": {
        "who": "minun veljeni|mummo|Pekka|leipuri|pappa|Emma|naapuri|pieni poika|pilotti|mies",
        "did": "ostaa|maalaa|etsii|ottaa|avaa|valmistaa|juo|myy|pesee|korjaa",
        "what": "kartan|lampun|valkoisen leivän|pullon|kaksi omenaa|oven|hatun|pienen kirjan|rummun|paperin",
        "where": "puistossa|sillan alla|torilla|metsän lähellä|pöydällä|Tampereella|mummolassa|kaupassa|kotona|pellolla",
        "when": "maanantaina|illalla|talvella|lounaan jälkeen|kahdeksalta|aina|juuri nyt|pian|lauantaina|aamulla",
        "adj": "kaunis|valkoinen|pieni|hieno|uusi|lempeä|hyvä|parempi|lämmin|tumma",
        "thing": "ongelma|talo|koira|kuva|silta|suunnitelma|nimi|ääni|hammas|kenkä",
    },
    "ca": {
        "who": "el meu germà|la mare|en Pau|el pintor|una dona|l'Emma|el bomber|el veí|el pare|un home",
        "did": "compra|pinta|busca|mou|obre|prepara|trenca|ven|beu|neteja",
        "what": "un mapa|la làmpada|el pa blanc|una ampolla|dues pomes|la porta|un barret|el llibre petit|la campana|el pernil",
        "where": "al camp|sota el pont|a la plaça|prop del bosc|sobre la taula|a Barcelona|pel carrer|al mercat|vora el mar|a casa",
        "when": "al matí|al setembre|dissabte|després de dinar|a les vuit|sempre|avui mateix|a la primavera|ben aviat|de nit",
        "adj": "bonic|amable|pobre|blanc|simple|gran|ràpid|nou|impossible|feliç",
        "thing": "problema|mapa|nom|temps|poble|cos|home|programa|canvi|viatge",
    },
    "ru": {
        "who": "мой брат|мама|Пётр|бабушка|папа|Эмма|сосед|маленький мальчик|пилот|человек",
        "did": "покупает|рисует|ищет|берёт|открывает|готовит|пьёт|продаёт|моет|бьёт",
        "what": "карту|лампу|белый хлеб|бутылку|два яблока|дверь|шапку|маленькую книгу|барабан|бумагу",
        "where": "в парке|под мостом|на площади|у леса|на столе|в Москве|у бабушки|на рынке|дома|в поле",
        "when": "в понедельник|вечером|зимой|после обеда|в восемь часов|всегда|прямо сейчас|скоро|в субботу|утром",
        "adj": "белый|милый|простой|новый|добрый|большой|тёплый|тёмный|голубой|первый",
        "thing": "проблема|дом|собака|картина|мост|план|имя|голос|зуб|ботинок",
    },
}

TEMPLATES = {
    "en": [
        "{who} {did} {what} {where}.", "{when}, {who} {did} {what}.", "{who} {did} {what} and {what} {when}.",
        "Maybe {who} {did} {what}, but {who} {did} {what}.", "Why is the {thing} so {adj} {where}?",
        "The {adj} {thing} and the {adj} {thing} were {where}.", "Please put {what} {where}, and bring me {what}.",
        "I am sure that {who} {did} {what} {when}.", "Give me a {adj} {thing}, not a {adj} {thing}!",
        "We hope to meet {who} {where} {when}.", "Mm, what a {adj} {thing}; my {thing} is more {adj}.",
        "{who} says the {thing} may be {adj}, perhaps too {adj}.", "Be {adj}, keep {adj}, and stop {where}.",
        "If {who} {did} {what}, the {thing} would be {adj}.", "Hello everybody, today we compare {what} with {what}.",
        "Yes, you should choose the {adj} {thing} {when}.", "Oh no, how could {who} lose {what}?",
        "Sure, let us look at {what} once more.",
    ],
    "de": ["{who} {did} {what} {where}.", "{when} {did} {who} {what}.", "Warum ist {what} so {adj}?", "Bitte bring mir {what} und {what}.",
           "Ich glaube, {who} {did} {what}, aber {who} {did} {what}.", "Das Problem {where} ist {adj} und {adj}, {thing} um {thing}."],
    "es": ["{who} {did} {what} {where}.", "{when} {who} {did} {what}.", "¿Por qué es tan {adj} {what}?", "Por favor, ponme {what} y {what}.",
           "Creo que {who} {did} {what}, pero {who} {did} {what}.", "Es un {thing} {adj}, también un {thing} {adj}."],
    "it": ["{who} {did} {what} {where}.", "{when} {who} {did} {what}.", "Perché è così {adj} {what}?", "Per favore, portami {what} e {what}.",
           "Penso che {who} {did} {what}, ma {who} {did} {what}.", "È un {thing} {adj}, anche un {thing} {adj}."],
    "fr": ["{who} {did} {what} {where}.", "{when}, {who} {did} {what}.", "Pourquoi est-ce si {adj} {where}?", "S'il vous plaît, apportez {what} et {what}.",
           "Je pense que {who} {did} {what}, mais {who} {did} {what}.", "C'est un {thing} {adj}, un {thing} {adj}."],
}
PLAIN = ["{who} {did} {what} {where}.", "{when} {who} {did} {what}, {who} {did} {what}.", "{adj}, {adj} {thing}, {thing} {where}.", "{what} {when}, {what} {where}."]

# Evaluation only: written by hand, in no template above.
HELD_OUT = """Both apples fell upon the muddy ground before breakfast.
My neighbour's puppy hopped over a bumpy stone path.
Could somebody open the window, please?
The members of the jury will vote in a moment.
Thick maple syrup dripped from the hot pancakes.
She shouted across the river, but no one replied.
Remember to save your work every few minutes.
A plump bumble bee climbed up the pepper plant.
We watched the ship leave the foggy harbour.
Who would choose such an ugly jumper?
The choir sang two more songs and bowed.
People jam the platform when the train is late.
His thumb hurt after he hammered the beam.
This method gives a smooth and even surface.
Push the button, then pull the lever halfway.
Mummy bear ate most of the porridge.
The temperature may drop below zero tonight.
Each judge wrote a number on the board.
I am afraid that we have missed the last boat.
Ben promised me a job in the print shop.
The vase of violets fell off the shelf.
Youth is often louder than good advice.
Put the lamp beside my bed, would you?
Our company builds pumps for public pools.
Seven fishermen shared their catch with us.
They measured the depth of the blue lake.
Tom's mobile rang in the middle of the film.
It is easy to see why she enjoys chess.
Barb chopped up a small piece of ham.
Take a deep breath and start again from the top.
The machine hums quietly while it cools down.
Nobody noticed that the map was upside down.
Go home, have some soup, and rest your voice.
A bright beam swept over the empty beach.
The mayor opened the museum with a short speech.
Please compare both maps before you pick a path.""".splitlines()


def _invented_word(rng: random.Random) -> str:
    onsets = "p b m p b m t d k g f v s l n r h ch sh w y st pl br tr m p b".split()
    vowels = "a e i o u a o i ee oo ai ou".split()
    codas = ["", "", "", "", "m", "n", "p", "b", "l", "s", "t", "mp"]
    return "".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(rng.randint(1, 3))) + rng.choice(codas)


def write_sentence(language: str, rng: random.Random) -> str:
    """One sentence in `language` (a key of WORDS); for Latin scripts one line in seven is of invented words."""
    if language != "ru" and rng.random() < 0.15:
        words = [_invented_word(rng) for _ in range(rng.randint(4, 7))]
        if rng.random() < 0.4:
            words.insert(3, ",")
        return " ".join(words).replace(" ,", ",") + "."
    slots = WORDS[language]
    text = rng.choice(TEMPLATES.get(language, PLAIN))
    while "{" in text:
        start, end = text.index("{"), text.index("}")
        text = text[:start] + rng.choice(slots[text[start + 1 : end]].split("|")) + text[end + 1 :]
    return text[0].upper() + text[1:]
