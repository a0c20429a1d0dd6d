"""The words of the language, English and Chinese, in tables.

Nouns: class -> measure word -> "singular[/plural] 中文"; regular plurals are formed by rule.
Verbs: class -> "base[/past] 中文[/中文过去]"; the default Chinese past adds 了.
No word stands in two classes that could meet in one place, so an English text has one reading.
"""

import re

# Men and women that stories are about; the third list is of those they meet.
NAMES = {
    "m": "Adam 亚当, Daniel 丹尼尔, Felix 菲利克斯, George 乔治, Henry 亨利, Jack 杰克, "
    "Leo 利奥, Oscar 奥斯卡, Peter 彼得, Thomas 托马斯",
    "f": "Alice 爱丽丝, Bella 贝拉, Clara 克拉拉, Diana 黛安娜, Emma 艾玛, Grace 格蕾丝, "
    "Helen 海伦, Julia 朱莉娅, Kate 凯特, Nora 诺拉",
    "other": "Bruno 布鲁诺, Irene 艾琳, Karim 卡里姆, Laura 劳拉, Martin 马丁, Sarah 萨拉",
}

NOUNS: dict[str, dict[str, str]] = {
    "man": {"位": "king 国王, prince 王子, grandfather 爷爷", "个": "boy 男孩, man/men 男人"},
    "woman": {
        "位": "queen 女王, princess/princesses 公主, grandmother 奶奶",
        "个": "girl 女孩, woman/women 女人",
    },
    "person": {
        "位": "farmer 农民, teacher 老师, fisherman/fishermen 渔夫, gardener 园丁, sailor 水手, "
        "poet 诗人, baker 面包师, doctor 医生, painter 画家, singer 歌手, driver 司机, "
        "pilot 飞行员",
    },
    "kin": {"个": "brother 弟弟, sister 妹妹, friend 朋友, neighbour 邻居, uncle 叔叔, aunt 阿姨"},
    "animal": {
        "只": "dog 狗, cat 猫, duck 鸭子, goose/geese 鹅, rabbit 兔子, fox 狐狸, bear 熊, "
        "wolf/wolves 狼",
        "头": "cow 奶牛, pig 猪",
    },
    "fruit": {
        "个": "apple 苹果, egg 鸡蛋, potato/potatoes 土豆, tomato/tomatoes 西红柿, pear 梨, "
        "cake 蛋糕",
    },
    "thing": {
        "把": "umbrella 雨伞, chair 椅子, knife/knives 刀",
        "张": "table 桌子, map 地图, ticket 票",
        "个": "basket 篮子, ball 球, box/boxes 盒子",
    },
    "text": {"封": "letter 信", "首": "poem 诗, song 歌", "本": "novel 小说, book 书"},
    "clothes": {"件": "coat 大衣, shirt 衬衫, sweater 毛衣", "条": "dress/dresses 连衣裙"},
}

# Nouns that are not counted.
MASS = {
    "food": "bread 面包, rice 米饭, cheese 奶酪, soup 汤, honey 蜂蜜",
    "drink": "tea 茶, coffee 咖啡, milk 牛奶, water 水",
    "fodder": "grass 草, corn 玉米, fish 鱼",
}
VESSELS = {"杯": "cup, glass/glasses", "瓶": "bottle"}

CITIES = "London 伦敦, Paris 巴黎, Beijing 北京, Shanghai 上海, Berlin 柏林, Rome 罗马, Cairo 开罗"
# Preposition and kind -> places. In Chinese a position word follows the noun.
PLACES = {
    "at": "market 市场, station 车站, school 学校, hotel 酒店, theatre 剧院, museum 博物馆, "
    "hospital 医院, library 图书馆",
    "in": "kitchen 厨房, office 办公室, castle 城堡",
    "wild": "garden 花园, park 公园, village 村子, forest 森林, valley 山谷",
    "on": "hill 山坡, beach 海滩, island 海岛, square 广场, farm 农场",
}
NEAR = "near 附近, behind 后面, outside 外面, beside 旁边"

ADJECTIVES = {
    "person": "old 年老的, young 年轻的, kind 善良的, tall 高大的, clever 聪明的, brave 勇敢的, "
    "famous 著名的, honest 诚实的",
    "animal": "black 黑色的, white 白色的, brown 棕色的, grey 灰色的, small 小小的, fat 胖胖的, "
    "lazy 懒惰的",
    "thing": "red 红色的, blue 蓝色的, green 绿色的, yellow 黄色的, new 新的, cheap 便宜的, "
    "expensive 昂贵的",
    "food": "fresh 新鲜的, delicious 美味的, sweet 甜甜的, warm 温热的",
    "text": "long 长长的, short 简短的, funny 有趣的, beautiful 优美的",
}
STATES = "tired 累, hungry 饿, thirsty 渴, happy 高兴, sad 难过, angry 生气, nervous 紧张"
WEATHER = "cold 冷, hot 热, warm 暖和"

VERBS = {
    "get": "buy/bought 买, sell/sold 卖, find/found 找到, lose/lost 弄丢, choose/chose 挑选",
    "give": "give/gave 送给, lend/lent 借给",
    "eat": "eat/ate 吃, cook 烹调, taste 品尝",
    "drink": "drink/drank 喝, order 点",
    "write": "write/wrote 写, translate 翻译, finish 写完",
    "wear": "wear/wore 穿, mend 缝补, wash 洗",
    "meet": "visit 拜访, help 帮助, meet/met 遇见, invite 邀请",
    "know": "know/knew 认识/认识, love 爱/爱, trust 信任/信任",
    "tend": "feed/fed 喂, catch/caught 抓住, watch 观察",
    "rest": "sing/sang 唱歌/唱了歌, dance 跳舞/跳了舞, sleep/slept 睡觉/睡了觉, "
    "laugh 大笑/大笑了起来, work 干活/干了活, rest 休息/休息了一会儿, wait 等待/等待了一会儿",
    "go": "go/went 去, return 回到, travel/travelled 前往",
    "walk": "walk 走到, run/ran 跑到",
    "self": "hide/hid 躲起来/躲了起来, enjoy 玩得很开心/玩得很开心",
    "say": "say/said 说/说, think/thought 认为/认为, hope 希望/希望",
    "live": "live 住在/住在",
    "roam": "sleep/slept 睡觉/睡了觉, run/ran 奔跑/奔跑了一会儿, jump 跳跃/跳了起来, "
    "rest 休息/休息了一会儿, wait 等待/等待了一会儿",
    "chase": "chase 追赶, watch 盯着/盯着, follow 跟着/跟着",
    "graze": "eat/ate 吃, find/found 找到",
    "seek": "follow 跟着/跟着, find/found 找到",
    "shake": "hide/hid 躲起来/躲了起来",
}

# Things that happen: subjects and their verbs, for subordinate clauses.
EVENTS = {
    "weather": ("rain 雨, snow 雪, music 音乐", "stop/stopped 停"),
    "show": ("concert 音乐会, film 电影, lesson 课程", "begin/began 开始, end 结束"),
    "traffic": ("train 火车, bus 公共汽车", "arrive 到达, leave/left 开走"),
    "ringing": ("bell 钟声, telephone 电话铃", "ring/rang 响起"),
}
RAIN = "rain 下雨/下了雨, snow 下雪/下了雪"

MANNERS = "carefully 小心地, quickly 迅速地, slowly 慢慢地, quietly 静静地, happily 高兴地"
MEANS = "train 坐火车, bus 坐公共汽车, boat 坐船, plane 坐飞机"

HOURS = (
    "one 一点, two 两点, three 三点, four 四点, five 五点, six 六点, seven 七点, eight 八点, "
    "nine 九点, ten 十点, eleven 十一点, twelve 十二点"
)
NUMBERS = (
    "two 两, three 三, four 四, five 五, six 六, seven 七, eight 八, nine 九, ten 十, twelve 十二"
)
WEEKDAYS = (
    "Monday 星期一, Tuesday 星期二, Wednesday 星期三, Thursday 星期四, Friday 星期五, "
    "Saturday 星期六, Sunday 星期天"
)
DAYPARTS = "morning 早上, afternoon 下午, evening 晚上"
SEASONS = "spring 春天, summer 夏天, autumn 秋天, winter 冬天"


def entries(table: str) -> list[tuple[str, str, str, str]]:
    """Split a table into (base, irregular form or "", Chinese, Chinese past or "")."""
    rows = []
    for item in table.split(", "):
        english, _, chinese = item.partition(" ")
        base, _, irregular = english.partition("/")
        zh, _, zh_past = chinese.partition("/")
        rows.append((base, irregular, zh, zh_past))
    return rows


def plural(noun: str) -> str:
    """The regular plural: dogs, foxes."""
    return noun + ("es" if re.search(r"(s|x|ch|sh)$", noun) else "s")


def third_person(verb: str) -> str:
    """The third person singular: runs, catches, carries."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(s|x|ch|sh|[^o]o)$", verb) else "s")


def past_tense(verb: str) -> str:
    """The regular past tense: shared, walked, cried."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + ("d" if verb.endswith("e") else "ed")


def verb_forms(table: str) -> list[tuple[str, str, str, str, str]]:
    """Split a table of verbs into (base, past, third person, Chinese, Chinese past)."""
    return [
        (base, past or past_tense(base), third_person(base), zh, zh_past or f"{zh}了")
        for base, past, zh, zh_past in entries(table)
    ]
