/** @file Names, gendered words and places for counterfactual pairs. Names that are also English words are left out. */

/** Given names by origin, those used for women and those used for men, separated by spaces. */
const NAME_LISTS: Readonly<Record<string, Record<"female" | "male", string>>> = {
  european: {
    female:
      "Ada Agnes Alice Amy Anna Anne Betty Cleo Clara Diana Ella Ellen Emily Emma Eva Fiona Gina Greta Hannah Helen Ida Ines Iris Jane Janet Jenny Jessica Julia Karen Kate Kira Laura Lena Linda Lisa Lucy Maria Marie Mary Mia Mina Molly Nancy Nina Nora Olga Olivia Rachel Sally Sandra Sara Sarah Sophia Susan Tina Vera Wendy",
    male: "Adam Alan Albert Andrew Anton Ben Bob Brian Carl Charles Daniel Dan David Eric Finn Fred George Harry Henry Hugo Jack James Jason Jim Jerry Joe John Jonas Josh Kevin Leo Luke Marco Martin Max Michael Mike Nils Oliver Oscar Paul Peter Philip Ralph Richard Robert Ryan Sam Simon Stephen Steve Ted Thomas Tim Toby Tom Tommy Victor William",
  },
  hispanic: {
    female:
      "Alejandra Camila Carmen Catalina Elena Guadalupe Isabel Juana Lucia Luisa Paola Pilar Rosa Valentina Ximena",
    male: "Alejandro Andres Carlos Diego Eduardo Enrique Fernando Javier Jorge Jose Juan Luis Mateo Miguel Pablo Ricardo Santiago",
  },
  african: {
    female:
      "Abena Adwoa Aisha Amara Ayana Chidinma Ebele Folami Imani Ifeoma Makena Nala Ngozi Thandiwe Zuri",
    male: "Abebe Amadou Bongani Chidi Chinedu Emeka Jabari Jelani Kofi Kwame Mandla Obinna Sipho Tendai Themba",
  },
  arabic: {
    female: "Amina Dalia Farah Fatima Khadija Layla Leila Mariam Nadia Noor Rania Salma Samira Yasmin Zainab",
    male: "Abdullah Ahmed Ali Bilal Faisal Hamza Hassan Ibrahim Khalid Mohammed Mustafa Omar Tariq Yusuf Zaid",
  },
  "south-asian": {
    female: "Aditi Ananya Anjali Deepa Divya Kavya Lakshmi Meera Neha Pooja Priya Radhika Sunita Swati Uma",
    male: "Aarav Ajay Amit Arjun Ashok Deepak Krishna Manoj Nikhil Rahul Raj Rajesh Ravi Sanjay Vikram",
  },
  "east-asian": {
    female: "Akiko Emiko Haruka Hyejin Jiayi Keiko Lihua Meiling Naoko Sakura Soojin Xiaoli Yoko Yuki Yuna",
    male: "Daichi Haruto Hiroshi Jianyu Jinho Junhao Kenji Minho Takashi Takumi Weimin Xiaoming Yuto Zhiwei Sungmin",
  },
};

export const NAMES: Readonly<Record<string, Record<"female" | "male", string[]>>> = Object.fromEntries(
  Object.entries(NAME_LISTS).map(([origin, { female, male }]) => [
    origin,
    { female: female.split(" "), male: male.split(" ") },
  ]),
);

/** Words that go with a gender, the one used for women first; pronouns with several meanings are not here. */
export const GENDERED_PAIRS: readonly (readonly [female: string, male: string])[] =
  "she he|herself himself|woman man|women men|girl boy|girls boys|girlfriend boyfriend|mother father|mothers fathers|mom dad|mum dad|mommy daddy|daughter son|daughters sons|sister brother|sisters brothers|wife husband|wives husbands|aunt uncle|aunts uncles|niece nephew|nieces nephews|grandmother grandfather|grandma grandpa|granddaughter grandson|lady gentleman|ladies gentlemen|waitress waiter|actress actor|ms mr|mrs mr|miss mr"
    .split("|")
    .map((pair) => pair.split(" ") as [string, string]);

export const PLACES: Readonly<Record<"city" | "country", readonly string[]>> = {
  city: "Amsterdam|Athens|Bangkok|Barcelona|Berlin|Bogota|Boston|Brussels|Cairo|Chicago|Copenhagen|Dallas|Delhi|Denver|Dublin|Hamburg|Hanoi|Helsinki|Istanbul|Jakarta|Lagos|Lima|Lisbon|London|Los Angeles|Madrid|Manila|Melbourne|Miami|Mumbai|Munich|Nairobi|New York|Oslo|Paris|Prague|Rome|San Francisco|Santiago de Chile|Seattle|Seoul|Shanghai|Stockholm|Sydney|Tokyo|Toronto|Vancouver|Vienna|Warsaw|Zurich".split(
    "|",
  ),
  country:
    "Argentina|Australia|Austria|Belgium|Brazil|Canada|Chile|Colombia|Denmark|Egypt|Ethiopia|Finland|France|Germany|Ghana|Greece|India|Indonesia|Ireland|Italy|Japan|Kenya|Mexico|Morocco|Nigeria|Norway|Peru|Poland|Portugal|Senegal|Spain|Sweden|Switzerland|Thailand|Vietnam".split(
      "|",
    ),
};

/** Capitalised words that are no names. */
export const OTHER_CAPITALISED: ReadonlySet<string> = new Set(
  "I Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October November December Christmas Easter Halloween Thanksgiving English Spanish French German Mr Mrs Ms Miss Dr Step Answer Question".split(
    " ",
  ),
);
